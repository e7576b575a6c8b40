# What the pages of agents and customers have in common.
people-status-active = فعال
people-status-disabled = غیرفعال
people-seen = آخرین ورود { $ago }
people-never-seen = هنوز وارد نشده
people-never = هرگز
people-password-pending = رمز یک‌بارمصرف هنوز عوض نشده
people-cancel = انصراف
people-back = برگشت
people-total = اعتبار کل
people-ceiling-note = سقف خرید با آن { $amount }
people-owing = از { $since } بدهکار است. اگر تا { $deadline } تسویه نشود، اکانت‌هایش غیرفعال می‌شوند.

# What the admin may do
people-actions = کارها
people-adjust = کم و زیاد کردن اعتبار
people-disable = غیرفعال کردن
people-disable-advice = همان لحظه از همهٔ دستگاه‌ها خارج می‌شود و دیگر نمی‌تواند وارد شود.
people-disable-accounts = همهٔ اکانت‌هایش هم خاموش شود
people-disable-accounts-hint = وگرنه اکانت‌های در حال کار روشن می‌مانند. با فعال کردن دوبارهٔ او خودشان روشن نمی‌شوند.
people-accounts-cut-off = اکانت‌هایش هم یکی‌یکی خاموش می‌شوند؛ هر کدام که هنوز در حال ساخت یا تغییر است، بعد از آن.
people-cut-off = خاموش کردن همهٔ اکانت‌هایش
people-cut-off-advice = همهٔ اکانت‌های روشنش یکی‌یکی خاموش می‌شوند. با فعال کردن او خودشان روشن نمی‌شوند.
people-cut-off-do = خاموش کن
people-disable-do = غیرفعال کن
people-disabled = { $name } غیرفعال شد.
people-enable = فعال کردن
people-enabled = { $name } فعال شد.
people-reset-password = رمز یک‌بارمصرف
people-reset-password-advice = رمز فعلی از کار می‌افتد و از همهٔ دستگاه‌ها خارج می‌شود. رمز تازه فقط یک بار نشان داده می‌شود.
people-reset-password-do = رمز تازه بساز
people-password-title = رمز یک‌بارمصرف { $name }
people-password-once = این رمز فقط همین یک بار نشان داده می‌شود. همین حالا آن را بردارید.
people-password-must-change = در اولین ورود باید رمز خودش را بگذارد.
people-password-before = رمز با همین فرم ساخته و نشان داده شده بود. اگر آن را ندارید، رمز دیگری بسازید.
people-username = نام کاربری
people-one-time-password = رمز یک‌بارمصرف

# Credit by hand
people-credit-title = اعتبار { $name }
people-credit-now = اعتبار کل الان:
people-direction = چه کار کنیم؟
people-direction-missing = یکی را انتخاب کنید.
people-add = به اعتبار اضافه شود
people-take = از اعتبار کم شود
people-amount = مبلغ
people-amount-missing = مبلغ را بنویسید.
people-amount-wrong = مبلغ را با عدد و به تومان بنویسید، مثل ۵۰۰٬۰۰۰.
people-amount-out-of-range = مبلغ باید از ۱ تومان تا { $max } باشد.
people-reason = دلیل
people-reason-hint = در گردش حسابش نوشته می‌شود.
people-reason-missing = دلیل را بنویسید.
people-credit-preview = پیش‌نمایش
people-credit-correct = یا تغییرش بدهید
people-preview = چنین می‌شود
people-total-before = اعتبار کل الان
people-change = تغییر
people-total-after = اعتبار کل بعد از آن
people-goes-below-zero = با این کار بدهکار می‌شود و مهلت ۲۴ ساعته‌اش شروع می‌شود.
people-customer-below-zero = با این کار بدهکار می‌شود و تا جبران آن نمی‌تواند خرید کند.
people-credit-confirm = انجام بده
people-credit-done = تغییر اعتبار { $name } انجام شد: { $amount }
people-balance-changed = در این میان اعتبارش عوض شده بود و کاری انجام نشد. عددهای تازه را ببینید و اگر درست است تایید کنید.

# What happened
people-orders = سفارش‌ها
people-orders-none = هنوز سفارشی نیست.
people-payments = پرداخت‌ها
people-payments-all = همهٔ پرداخت‌ها
people-log = رویدادها
people-log-none = هنوز رویدادی نیست.
people-orders-all = همهٔ سفارش‌ها
people-log-all = همهٔ رویدادها

# A second factor, and looking at her pages
people-view-as = دیدن پنل او
people-reset-two-factor = ورود دومرحله‌ای
people-reset-two-factor-advice = اگر گوشی و کدهای بازیابی‌اش را گم کرده، آن را بردارید تا فقط با رمز وارد شود. پیش از آن مطمئن شوید خودش است.
people-reset-two-factor-do = ورود دومرحله‌ای را بردار
people-two-factor-reset = ورود دومرحله‌ای { $name } برداشته شد.
