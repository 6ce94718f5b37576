# P15, the page that explains why a device is limited and how to put it right.
remedy-title = جهازك وهذه الشبكة
remedy-still-works = في هذه الأثناء يعمل فقط ما يساعد على الإصلاح: هذه الصفحة والتحديثات ومكتب المساعدة.
remedy-check-again = افحص مرة أخرى
remedy-checking-now = جارٍ الفحص …
remedy-checking = يجري فحص جهازك.
remedy-checking-why = يجيب وكيل الأمان على جهازك خلال ثوانٍ. تتحدث هذه الصفحة من تلقاء نفسها.
remedy-too-often = فُحص هذا الجهاز مرات كثيرة خلال ساعة. انتظر بضع دقائق ثم حاول مرة أخرى، أو اسأل الأشخاص أدناه.
remedy-asked = طلبت استثناءً في { $at }. يقرر فريق تقنية المعلومات بشأنه:
remedy-excepted-until = مسموح حتى { $until }:
remedy-denied = لم تتم الموافقة على طلب الاستثناء:
remedy-to-do = ما الذي يجب فعله
remedy-unanswered = لم تتم الإجابة بعد
remedy-unanswered-why = لم يجب وكيل الأمان عن هذه الأسئلة مؤخرًا. هذا ليس جيدًا ولا سيئًا.
remedy-advice = يُنصح أيضًا بما يلي
remedy-advice-why = هذا لا يقيّد جهازك.
remedy-cannot = لا يمكنك إصلاح ذلك الآن؟
remedy-cannot-why = يمكنك طلب استثناء لمدة محدودة. يقرأ فريق تقنية المعلومات السبب ويقرر.
remedy-ask = اطلب استثناءً
remedy-ask-what = يسمح الاستثناء لجهازك بمخالفة قاعدة واحدة حتى وقت معين. ثم تسري القاعدة من جديد تلقائيًا.
remedy-exception-rule = أي قاعدة؟
remedy-exception-quarantine = قرار عزل هذا الجهاز
remedy-exception-reason = لماذا هو ضروري؟
remedy-exception-hours = لكم من الوقت؟
remedy-exception-no-rule = اختر إحدى القواعد.
remedy-exception-no-reason = اكتب لماذا تحتاجه: على شخص ما أن يقرر.
remedy-exception-long-reason = اكتب 1000 حرف على الأكثر.
remedy-exception-no-length = اختر إحدى المدد.
remedy-nothing-to-ask = لا يوجد حاليًا ما يمكن طلب استثناء له.
remedy-send = أرسل
remedy-back = رجوع
remedy-seen = ما رأيناه:
remedy-steps = كيف تصلحه:
remedy-open-settings = افتح الإعدادات
remedy-takes = يستغرق نحو { $time }.
remedy-wrong = هذا الفحص خاطئ
remedy-wrong-what = إذا كان جهازك كما هو مطلوب وتقول هذه الصفحة غير ذلك، فأخبر فريق تقنية المعلومات. يبقى الفحص ساريًا حتى يراجعه أحد.
remedy-wrong-text = ما الخطأ فيه؟
remedy-reported = أبلغت أن هذا الفحص خاطئ. سيراجعه أحد.
remedy-data = ما يخبر به وكيل الأمان هذه الشبكة
remedy-data-what = أسماء النظام والوكيل وإصداراتهما، والرقم التسلسلي، وعناوين الشبكة، وأجوبة الفحوص: ناجح أو فاشل أو بلا جواب.
remedy-data-not = لا يُسأل عن ملفاتك ولا رسائلك ولا الصفحات التي تزورها.
remedy-not-here = هذه الصفحة عن الجهاز المتصل بهذه الشبكة.
remedy-not-here-why = لا يوجد جهاز معروف على عنوانك. اتصل بالشبكة وافتح هذه الصفحة على الجهاز المقيّد.
remedy-not-ours = لا يُفحص شيء على هذا الجهاز.
remedy-not-ours-why = لا يعمل عليه وكيل أمان لهذه المؤسسة ولا يعزله أحد. إن كان شيء لا يعمل فاسأل الأشخاص أدناه.
remedy-waiting = جهازك { $device } معزول من قبل فريق تقنية المعلومات.
remedy-reason = السبب:
remedy-since = منذ { $at }.
remedy-ends = ينتهي تلقائيًا في { $at }.
remedy-no-end = ينتهي عندما ينهيه أحد في فريق تقنية المعلومات: اسأل الأشخاص أدناه.
remedy-unknown = لا نعرف ما يكفي عن جهازك.
remedy-unknown-why = لم يجب وكيل الأمان عن كل الأسئلة بعد.
remedy-no-agent = لا يُعرف وكيل أمان لهذا الاتصال.
remedy-stale = لم نسمع من وكيل الأمان منذ { $at }.
remedy-agent-online = أبقِ الجهاز مستيقظًا ومتصلًا بهذه الشبكة.
remedy-agent-runs = تحقق من أن الوكيل osquery يعمل، أو أعد تشغيل الجهاز.
remedy-agent-ask = إن لم يكن مثبتًا فاطلبه من الأشخاص أدناه.
remedy-restoring = نجحت كل الفحوص. تجري استعادة وصولك.
remedy-fixed = استُعيد الوصول في { $at }.
remedy-reconnect = قد تحتاج إلى إعادة الاتصال بالشبكة.
remedy-excepted = يُسمح لجهازك بمخالفة قاعدة لمدة.
remedy-excepted-why = عندما تنتهي المدة تسري القاعدة من جديد. أصلح ذلك قبلها.
remedy-passing = نجحت كل الفحوص.
remedy-last-answer = آخر جواب من وكيل الأمان: { $at }.
remedy-failing = { $failed ->
    [one] جهازك { $device } مقيّد لأن فحصًا واحدًا من { $total } فشل.
   *[other] جهازك { $device } مقيّد لأن { $failed } من { $total } فحوص فشلت.
}
remedy-failing-free = { $failed ->
    [one] على جهازك { $device } فشل فحص واحد من { $total }. ليس مقيّدًا في هذه اللحظة.
   *[other] على جهازك { $device } فشلت { $failed } من { $total } فحوص. ليس مقيّدًا في هذه اللحظة.
}
