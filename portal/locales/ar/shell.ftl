# The frame of every page, what failed, and what pages share.
shell-network = الوصول إلى الشبكة
shell-skip = الانتقال إلى المحتوى
shell-language = اللغة:
shell-help = هل تحتاج إلى مساعدة؟ تواصل مع:
shell-code = رمز الدعم { $code }
shell-privacy = ما الذي نحتفظ به عنك
shell-to-start = العودة إلى البداية
shell-optional = (اختياري)
shell-minutes = { $count ->
    [zero] أقل من دقيقة
    [one] دقيقة واحدة
    [two] دقيقتان
    [few] { $count } دقائق
    [many] { $count } دقيقة
   *[other] { $count } دقيقة
}
shell-hours = { $count ->
    [zero] أقل من ساعة
    [one] ساعة واحدة
    [two] ساعتان
    [few] { $count } ساعات
    [many] { $count } ساعة
   *[other] { $count } ساعة
}
shell-days = { $count ->
    [zero] أقل من يوم
    [one] يوم واحد
    [two] يومان
    [few] { $count } أيام
    [many] { $count } يومًا
   *[other] { $count } يوم
}
shell-fault-of = { $field }: { $fault }
shell-faults = { $count ->
    [one] إدخال واحد يحتاج إلى مراجعة
    [two] إدخالان يحتاجان إلى مراجعة
    [few] { $count } إدخالات تحتاج إلى مراجعة
   *[other] { $count } إدخالًا تحتاج إلى مراجعة
}
shell-not-found-title = هذه الصفحة غير موجودة
shell-not-found = ربما كُتب العنوان خطأً أو لم يعد الرابط صالحًا. ابدأ من جديد من صفحة البداية.
shell-forbidden-title = هذا غير ممكن
shell-forbidden = لا يمكنك فعل ذلك بهذا الجهاز أو من هذه الشبكة. إن كنت ترى أن هذا خطأ فأعطِ رمز الدعم لجهة المساعدة أدناه.
shell-too-many-title = محاولات كثيرة جدًا
shell-too-many = جرت محاولات كثيرة في وقت قصير. انتظر دقيقة ثم حاول مرة أخرى.
shell-unusable-title = تعذّر استخدام ما أُرسل
shell-unusable = ما أُرسل لا يوافق ما هو موجود. ارجع وراجع إدخالاتك ثم أرسلها مرة أخرى.
shell-unavailable-title = غير متاح في هذه اللحظة
shell-unavailable = لم يتمكن الخادم من فعل ذلك الآن. حاول مرة أخرى بعد دقيقة.
shell-nothing-lost = لم يتغير شيء ولم يُفقد شيء.
shell-not-here = يعمل هذا فقط على جهاز متصل بهذه الشبكة. اتصل بها وافتح هذه الصفحة على الجهاز نفسه.
shell-link-refused = هذا الرابط يخص جهازًا آخر أو اتصالًا انتهى. اقطع الاتصال بالشبكة ثم اتصل من جديد واستخدم الصفحة التي تُفتح.
shell-no-ca = شهادة هذا الخادم صادرة عن سلطة مؤسستك: اطلبها من فريق تقنية المعلومات لديك.
