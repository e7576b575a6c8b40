customers-title = مشتری‌ها
customers-search = جستجوی مشتری
customers-search-hint = نام کاربری یا موبایل
customers-nothing-found = با این جستجو مشتری‌ای پیدا نشد.
customers-see-all = دیدن همه
customers-none = هنوز مشتری‌ای ثبت‌نام نکرده است.
customers-column-customer = مشتری
customers-column-since = عضویت
customers-profile = مشخصات

# Registering
customers-register = ساختن حساب مشتری
customers-register-do = ثبت‌نام
customers-register-closed = ثبت‌نام بسته است
customers-register-closed-text = این فروشگاه الان مشتری تازه نمی‌گیرد. اگر حساب دارید وارد شوید؛ وگرنه از خود فروشگاه بپرسید.
customers-register-throttled = ثبت‌نام‌های زیادی از اینترنت شما شده است. { $wait } دیگر دوباره امتحان کنید؛ جز رمز، آنچه نوشته‌اید سر جایش است.
customers-have-account = حساب دارید؟
customers-username-hint = ۳ تا ۳۲ حرف کوچک انگلیسی، رقم، نقطه، - یا _ و با حرف شروع شود.
customers-username-taken = این نام گرفته شده است. نام دیگری بنویسید.
customers-username-wrong = نام باید ۳ تا ۳۲ حرف کوچک انگلیسی، رقم، نقطه، - یا _ باشد و با حرف شروع شود.
customers-phone = شمارهٔ موبایل
customers-phone-hint = مثل ۰۹۱۲۳۴۵۶۷۸۹
customers-phone-wrong = این شمارهٔ موبایل ایران نیست؛ مثل ۰۹۱۲۳۴۵۶۷۸۹ بنویسید.
customers-email = ایمیل (اگر دارید)
customers-email-wrong = این ایمیل درست نیست؛ مثل name@example.com بنویسید یا خالی بگذارید.
customers-email-taken = این ایمیل برای حساب دیگری ثبت شده است.
