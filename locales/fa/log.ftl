# Who did what, when, from where.
log-title = رویدادها
log-person = شخص
log-person-hint = نام کاربری؛ کارهای خودش و کارهایی که برایش شده
log-kind = نوع کار
log-kind-money = پول
log-kind-sign-ins = ورود و رمز
log-kind-orders = سفارش‌ها
log-kind-agents = نماینده‌ها
log-kind-plans = پلن‌ها
log-kind-methods = روش‌های پرداخت
log-kind-settings = تنظیمات
log-address = نشانی IP
log-address-wrong = نشانی IP را کامل بنویسید، مثل 192.0.2.1.
log-nothing-found = با این شرط‌ها چیزی پیدا نشد.
log-empty = هنوز رویدادی نیست.
