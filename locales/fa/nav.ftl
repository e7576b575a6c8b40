# The menu, and what the frame of a page says about its person.
nav-overview = نمای کلی
nav-wallet = کیف پول
nav-create-account = اکانت جدید
nav-accounts = اکانت‌ها
nav-payments = پرداخت‌ها
nav-payment-history = سابقه
nav-orders = سفارش‌ها
nav-agents = نماینده‌ها
nav-customers = مشتری‌ها
nav-plans = پلن‌ها
nav-payment-methods = روش‌های پرداخت
nav-log = رویدادها
nav-settings = تنظیمات
layout-below-zero = { $amount } بدهکار هستید. تا تسویه، ساخت و تمدید بسته است و اگر تا { $deadline } تسویه نشود، همهٔ اکانت‌ها غیرفعال می‌شوند.
layout-put-off = مدیر مهلت را عقب انداخته است: { $reason }
layout-arrival-title = چند لحظه…
layout-arrival-continue = ادامه
