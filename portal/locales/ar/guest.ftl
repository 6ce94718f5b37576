# Guests: the form, the terms, the voucher, the mail, the sponsor, the time that is left.
guest-title = الاتصال كضيف
guest-limits = الأجهزة في الوقت نفسه: { $devices }. المدة: { $duration }.
guest-after-email = سنرسل إليك رسالة تحتوي على رابط. يبقى جهازك متصلاً لمدة { $count } دقيقة لكي تتمكن من فتحها.
guest-after-sponsor = سيُطلب من الشخص الذي تزوره الموافقة على دخولك.
guest-name = الاسم
guest-email = عنوان البريد الإلكتروني
guest-email-why = سنرسل رابط الوصول إلى هذا العنوان.
guest-email-hint = لكي نتمكن من الوصول إليك أثناء وجودك هنا.
guest-phone = رقم الهاتف
guest-phone-hint = لكي نتمكن من الوصول إليك أثناء وجودك هنا. لن نرسل أي رسائل إليه.
guest-company = الشركة
guest-sponsor = عنوان البريد الإلكتروني للشخص الذي تزوره
guest-sponsor-why = سيُطلب من هذا الشخص الموافقة على دخولك.
guest-reason = سبب الزيارة
guest-reason-hint = يراه الشخص الذي تزوره.
guest-terms-title = شروط الاستخدام
guest-terms-read = قراءة شروط الاستخدام
guest-terms-accept = أوافق على شروط الاستخدام
guest-terms-missing = وافق على شروط الاستخدام للمتابعة.
guest-send = اتصال
guest-field-empty = هذا الحقل مطلوب: يرجى تعبئته.
guest-field-unusable = هذا الإدخال طويل جداً أو يحتوي على أحرف غير صالحة.
guest-email-unusable = هذا ليس عنوان بريد إلكتروني. اكتبه بالشكل name@example.org.
guest-sponsor-unusable = هذا ليس عنوان شخص يعمل هنا. اسأل عنه الشخص الذي تزوره.
guest-voucher-title = الاتصال باستخدام قسيمة
guest-code = الرمز
guest-code-hint = عشرة أحرف وأرقام، مثل ABCDE-FGHJK. لا تهم الأحرف الكبيرة ولا الشرطات.
guest-code-form = يتكون الرمز من عشرة أحرف وأرقام. قارنه بقسيمتك.
guest-code-wrong = لا يوجد مثل هذا الرمز. قارنه بقسيمتك.
guest-code-expired = لم يعد هذا الرمز صالحاً. اطلب قسيمة جديدة.
guest-code-used = استُنفد هذا الرمز: انتهت مدته أو يستخدمه عدد كافٍ من الأجهزة. سجّل الخروج من جهاز آخر أو اطلب قسيمة جديدة.
guest-code-elsewhere = هذا الرمز صالح في موقع آخر فقط. اطلب قسيمة لهذا الموقع.
guest-code-early = هذا الرمز صالح ابتداءً من { $time }. حاول مرة أخرى حينها.
guest-closed = طريقة الاتصال هذه غير متاحة هنا. ابدأ من جديد من صفحة البداية.
guest-device-known = هذا الجهاز مسجل بالفعل وليس كجهاز ضيف. اسأل الأشخاص المذكورين أدناه.
guest-device-blocked = لا يُسمح لهذا الجهاز باستخدام هذه الشبكة. اسأل الأشخاص المذكورين أدناه.
guest-device-limit = أنت تستخدم أقصى عدد مسموح به من الأجهزة. سجّل الخروج من أحدها أولاً.
guest-decided = تم البت في هذا بالفعل. ارجع لترى النتيجة.
guest-no-extension = لا يمكنك التمديد بنفسك أكثر من ذلك. اسأل الأشخاص المذكورين أدناه.
guest-nobody = هذا الجهاز غير مسجل كجهاز ضيف. ابدأ من جديد من صفحة البداية.
guest-link-over = لم يعد هذا الرابط صالحاً: استُبدل بآخر أحدث أو انتهت مدته.
guest-resend-later = أُرسلت رسالة قبل وقت قصير. تحقق من مجلد البريد غير المرغوب فيه ثم حاول لاحقاً.
guest-status-title = اتصالك
guest-on = أنت متصل
guest-until = يمكنك استخدام هذه الشبكة حتى { $time }.
guest-left = الوقت المتبقي
guest-devices = الأجهزة
guest-devices-used = { $used } من { $max }
guest-reconnect = قد يستغرق الأمر دقيقة حتى يعمل كل شيء. إن لم يعمل، فاقطع الاتصال بالشبكة ثم اتصل مجدداً.
guest-extend = تمديد لمدة { $duration }
guest-leave = تسجيل الخروج
guest-almost = أوشكت على الانتهاء
guest-mail-sent = أرسلنا رسالة إلى { $address }. افتح الرابط الموجود فيها من أي جهاز.
guest-sponsor-asked = طلبنا من { $address } الموافقة على دخولك.
guest-activation = جهازك متصل حتى { $time } لكي تتمكن من ذلك.
guest-waits = تتحقق هذه الصفحة تلقائياً من وجود رد.
guest-resend = إعادة إرسال الرسالة
guest-cancel = إلغاء والبدء من جديد
guest-denied-title = رُفض طلبك
guest-denied = السبب المذكور: { $reason }
guest-over-title = انتهى وقتك
guest-over = يمكنك الاتصال مجدداً من صفحة البداية.
guest-confirm-title = تأكيد الوصول
guest-confirm-which = سيحصل هذا الجهاز على الوصول عند تأكيدك:
guest-device = الجهاز
guest-asked = وقت الطلب
guest-site = الموقع
guest-replace = أنت تستخدم أقصى عدد مسموح به من الأجهزة. أيها تريد استبداله؟
guest-replace-missing = اختر الجهاز الذي تريد استبداله.
guest-confirm-send = تأكيد
guest-confirm-not-you = إذا لم تطلب ذلك فأغلق هذه الصفحة، ولن يحدث شيء.
guest-confirm-done-title = تم التأكيد
guest-confirm-done = يمكن للجهاز { $device } استخدام الشبكة حتى { $time }.
guest-confirm-sponsor = تم تأكيد عنوانك. طُلب من الشخص الذي تزوره الموافقة على دخولك.
guest-request-title = ضيف يطلب الوصول
guest-sign-in-why = سجّل الدخول بحسابك لرؤية الطلب واتخاذ القرار.
guest-sign-in-user = اسم المستخدم
guest-sign-in-password = كلمة المرور
guest-sign-in-send = تسجيل الدخول
guest-sign-in-wrong = اسم المستخدم أو كلمة المرور غير صحيحة. حاول مرة أخرى.
guest-sign-in-not-allowed = لا يُسمح لحسابك بقبول الضيوف. اسأل زميلاً يُسمح له بذلك.
guest-sign-in-again = انتهت جلستك. سجّل الدخول من جديد.
guest-signed-in = تم تسجيل الدخول باسم { $user }
guest-hours = لعدد من الساعات
guest-hours-hint = بحد أقصى { $duration }.
guest-hours-unusable = اكتب عدداً من الساعات لا يتجاوز المطلوب.
guest-approve = قبول الضيف
guest-deny = رفض
guest-deny-reason = السبب في حالة الرفض
guest-deny-reason-hint = سيقرؤه الضيف.
guest-deny-reason-missing = اذكر سبب الرفض بما لا يزيد على 200 حرف.
guest-decided-yes = قبل { $by } هذا الضيف في { $time } حتى { $until }.
guest-decided-no = رفض { $by } هذا الضيف في { $time }.
guest-request-over = انتهى هذا الطلب: لم يعد هناك ما يستدعي القرار.
guest-mail-verify-subject = تأكيد الوصول: { $site }
guest-mail-verify =
    طلب شخص ما الوصول باستخدام هذا العنوان: { $site }. إن كنت أنت، فافتح هذا الرابط وأكّد:

    { $link }

    الرابط صالح ليوم واحد من أي جهاز. إن لم تكن أنت فلا تفعل شيئاً، ولن يحصل أحد على الوصول.
guest-mail-sponsor-subject = ضيف يطلب الوصول: { $site }
guest-mail-sponsor =
    ذكرك أحد الضيوف بصفتك الشخص الذي يزوره، ويطلب الوصول: { $site }.

    الاسم: { $name }

    الشركة: { $company }

    السبب: { $reason }

    افتح هذا الرابط لاتخاذ القرار. سيُطلب منك تسجيل الدخول:

    { $link }

    الرابط صالح ليوم واحد. إن لم تفعل شيئاً فلن يحصل الضيف على الوصول.
