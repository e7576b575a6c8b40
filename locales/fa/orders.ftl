# Accounts and the orders that make them.
orders-state-awaiting-payment = در انتظار پرداخت
orders-state-provisioning = در حال ساخت
orders-state-active = فعال
orders-state-on-hold = منتظر اتصال
orders-state-ending = رو به پایان
orders-state-ended = تمام‌شده
orders-state-disabled = خاموش
orders-state-deleted = حذف‌شده
orders-state-failed = ناموفق
orders-state-cancelled = لغوشده
orders-time = زمان مانده
orders-time-left = { $left } مانده
orders-time-over = زمانش تمام شده
orders-time-waits = { $days } روز، از اولین اتصال
orders-time-endless = بدون تاریخ پایان
orders-days = { $days } روز
orders-ends-after-connecting = { $days } روز از اولین اتصال
orders-volume = حجم مانده
orders-volume-left = { $left } از { $limit } مانده
orders-volume-endless = حجم نامحدود
orders-about = { $alias }، { $plan }
orders-as-of = آخرین خبر از سرور: { $ago }

orders-create-title = اکانت جدید
orders-plan = پلن
orders-plan-about = { $days } روز، { $volume }
orders-plan-after = پس از خرید { $left } می‌ماند
orders-plan-missing = { $missing } کم دارید
orders-plan-choose = یک پلن انتخاب کنید.
orders-plan-inactive = این پلن دیگر فروخته نمی‌شود. پلن دیگری انتخاب کنید.
orders-plan-price-changed = قیمت این پلن عوض شده و حالا { $price } است. چیزی کم نشد؛ اگر با قیمت تازه موافقید، دوباره بفرستید.
orders-not-enough = اعتبار شما برای این پلن کافی نیست؛ { $missing } کم دارید. چیزی کم نشد.
orders-ceiling = از اعتبار امانی تا سقف { $ceiling } می‌توانید خرج کنید.
orders-no-plans = الان پلنی برای فروش نیست.
orders-no-plans-text = مدیر هنوز پلنی نگذاشته یا همه را بسته است.
orders-below-zero = حساب شما { $owed } بدهکار است.
orders-below-zero-text = تا وقتی حساب به صفر نرسد، اکانت جدید ساخته نمی‌شود. اول کیف پول را شارژ کنید.
orders-charge = شارژ کیف پول
orders-username = نام کاربری اکانت
orders-username-hint = ۳ تا ۳۲ حرف کوچک انگلیسی، رقم یا _ و با حرف شروع شود.
orders-username-hint-prefix = نام با { $prefix } شروع می‌شود؛ خودمان اضافه می‌کنیم. فقط حرف کوچک انگلیسی، رقم و _.
orders-username-empty = نام کاربری را بنویسید.
orders-username-length = نام باید ۳ تا ۳۲ نویسه باشد.
orders-username-first = نام باید با حرف انگلیسی شروع شود.
orders-username-characters = فقط حرف انگلیسی، رقم و _ بنویسید.
orders-username-free = { $name } آزاد است.
orders-username-taken = { $name } گرفته شده است.
orders-username-unasked = { $name } در پنل ما آزاد است، ولی الان نشد از سرور بپرسیم. اگر آنجا گرفته باشد، پول برمی‌گردد.
orders-username-suggestion = به‌جایش: { $name }
orders-alias = نام مشتری
orders-alias-hint = فقط شما می‌بینید.
orders-alias-long = نام مشتری حداکثر { $length } نویسه باشد.
orders-note = یادداشت
orders-note-long = یادداشت حداکثر { $length } نویسه باشد.
orders-on-hold = روزها از اولین اتصال شمرده شود
orders-on-hold-hint = تا مشتری وصل نشود، مدت شروع نمی‌شود.
orders-create = ساختن اکانت
orders-form-used = این فرم قبلاً فرستاده شده و اکانت دیگری ساخته است. برای ساختن اکانت تازه، دوباره بفرستید.
orders-form-used-link = دیدن آن اکانت

orders-waiting = سفارش شما ثبت شد و جایش امن است.
orders-waiting-text = داریم اکانت را روی سرور می‌سازیم. این صفحه خودش تازه می‌شود؛ اگر سرور جواب ندهد، آن‌قدر تکرار می‌کنیم تا بسازد. لازم نیست دوباره سفارش بدهید.
orders-refresh = تازه کردن صفحه
orders-failed = اکانت ساخته نشد و { $amount } به کیف پول شما برگشت.
orders-failed-taken = نام { $name } روی سرور مال اکانت دیگری است.
orders-failed-refused = سرور این اکانت را نپذیرفت. اگر تکرار شد به مدیر خبر بدهید.
orders-again = دوباره، با نام دیگر
orders-disabled-by-owner = شما این اکانت را خاموش کرده‌اید.
orders-disabled-by-admin = مدیر این اکانت را خاموش کرده است.
orders-disabled-negative = چون حساب بیش از ۲۴ ساعت بدهکار ماند، این اکانت خاموش شده است. با تسویهٔ بدهی دوباره روشن می‌شود.
orders-link = لینک اشتراک
orders-qr = کد QR لینک اشتراک
orders-qr-text = با دوربین گوشی یا داخل برنامه اسکن کنید.
orders-apps = باز کردن در برنامه
orders-apps-text = اگر برنامه نصب باشد، لینک را خودش برمی‌دارد.
orders-message-title = پیام آماده برای مشتری
orders-message =
    سلام! اکانت شما آماده است.
    نام: { $name }
    حجم: { $volume }
    اعتبار: { $validity }

    لینک اشتراک (کپی کنید و در برنامه وارد کنید):
    { $link }
orders-message-short =
    سلام! اکانت شما آماده است. لینک بالا را در برنامه وارد کنید.
    نام: { $name }
    حجم: { $volume }
    اعتبار: { $validity }
orders-valid-until = { $days } روز، تا { $date }
orders-telegram = فرستادن در تلگرام
orders-details = مشخصات
orders-bought = پلن
orders-bought-volume = حجم
orders-ends = پایان
orders-duration = مدت
orders-in-toman = تومان
orders-amount = مبلغ
orders-created = زمان سفارش
orders-customer = مشتری: { $alias }

orders-title = اکانت‌ها
orders-search = جست‌وجو
orders-search-hint = نام کاربری، نام مشتری یا یادداشت
orders-search-do = بگرد
orders-filter = وضعیت اکانت‌ها
orders-filter-all = همه
orders-filter-active = فعال
orders-filter-ending = رو به پایان
orders-filter-ended = تمام‌شده
orders-filter-expired = زمان تمام
orders-filter-used-up = حجم تمام
orders-filter-disabled = خاموش
orders-filter-provisioning = در حال ساخت
orders-filter-failed = ناموفق
orders-sort = ترتیب
orders-sort-newest = تازه‌ترین
orders-sort-expiry = زودتر تمام‌شونده
orders-sort-volume = کم‌ترین حجم مانده
orders-none = هنوز اکانتی نساخته‌اید
orders-none-text = اکانت که بسازید، لینک و حجم و روزهای مانده‌اش همین‌جاست.
orders-none-end-user = هنوز اکانتی ندارید
orders-none-end-user-text = اکانتی که از این فروشگاه بگیرید همین‌جا می‌آید.
orders-none-found = چیزی پیدا نشد
orders-none-found-text = عبارت یا وضعیت دیگری را امتحان کنید.
orders-show-all = نمایش همه
orders-copy-link = لینک { $name }

orders-overview-title = نمای کلی
orders-overview-hello = سلام { $name }
orders-credit = اعتبار شما
orders-credit-parts = { $confirmed } تاییدشده، { $pending } امانی
orders-credit-owed = { $owed } بدهکارید
orders-count-active = فعال
orders-count-ending = رو به پایان
orders-count-ended = تمام‌شده
orders-count-provisioning = در حال ساخت
orders-count-disabled = خاموش
orders-sales = خرید این ماه
orders-sales-note = تومان، { $count } خرید و تمدید
orders-renew-these = تمدید همهٔ این‌ها
orders-last-payments = آخرین پرداخت‌ها
orders-all-payments = کیف پول
orders-ending-title = تا ۳ روز دیگر تمام می‌شوند
orders-last-title = آخرین اکانت‌ها
orders-all = همهٔ اکانت‌ها
orders-my-accounts = اکانت‌های من

# What an end user buys
orders-buy-title = خرید اکانت
orders-buy-by-receipt = ادامه و پرداخت با رسید
orders-buy-from-credit = پرداخت از اعتبار ({ $credit })
orders-plan-covered = اعتبار شما کافی است
orders-plan-rest = با اعتبارتان { $rest } می‌ماند
orders-buying-closed = خرید الان بسته است.
orders-buying-closed-text = فروشگاه فعلاً سفارش تازه نمی‌گیرد. اکانت‌ها و سفارش‌های شما سر جایشان هستند؛ بعداً سر بزنید.
orders-too-many-unpaid = { $most } سفارش پرداخت‌نشده دارید. اول یکی را پرداخت یا لغو کنید.
orders-unpaid-title = سفارش‌های منتظر پرداخت
orders-credit-pending = { $pending } هم منتظر تایید است
orders-receipt-in = رسید در دست بررسی
orders-receipt-in-text = فروشگاه که رسید را تایید کند، اکانت خودش ساخته می‌شود و لینکش همین‌جا می‌آید. لازم نیست کاری بکنید.
orders-credit-suffices = اعتبار شما برای این سفارش کافی است.
orders-pay-from-credit = پرداخت { $price } از اعتبار
orders-to-be-paid = { $missing } مانده است
orders-to-be-paid-text = پول را کارت به کارت کنید و رسیدش را بفرستید.
orders-short-text = فروشگاه بخشی از پول را تایید کرده است. { $missing } دیگر بفرستید تا اکانت ساخته شود.
orders-kept-until = سفارش و نامش تا { $until } برای شما می‌ماند.
orders-pay = پرداخت
orders-cancel = لغو سفارش
orders-cancelled = سفارش لغو شد.
orders-cancel-payment-waits = رسید این سفارش در دست بررسی است. برای لغو، اول رسید را پس بگیرید.
orders-cancelled-text = این سفارش لغو شد و پولی بابتش کم نشد.
orders-receipt-rejected = رسیدش رد شد: { $reason }
orders-send-again = ارسال دوباره، { $price }

# How to use an account
orders-how-to = راه‌اندازی روی دستگاه شما
orders-how-to-install = برنامهٔ { $app } یا یکی دیگر از این‌ها را نصب کنید.
orders-how-to-tap = روی دکمهٔ همان برنامه در همین صفحه بزنید تا لینک را خودش بردارد. اگر باز نشد، لینک را کپی کنید و در برنامه «افزودن از کلیپ‌بورد» را بزنید.
orders-how-to-connect = در برنامه یکی از سرورها را انتخاب کنید و دکمهٔ اتصال را بزنید.
orders-android = اندروید
orders-iphone = آیفون و آیپد
orders-windows = ویندوز
orders-mac = مک
orders-usage-chart = مصرف روزانه
orders-usage-chart-about = مصرف هر روز در دو هفتهٔ گذشته؛ روی هم { $total }، و بیشترین { $most } در { $day }.
orders-usage-chart-day = روز
