# The first start.
setup-title = راه‌اندازی پنل
setup-about = این پنل هنوز مدیری ندارد. مدیر اول را همین‌جا بسازید.
setup-code = کد راه‌اندازی
setup-code-hint = پنل هنگام روشن شدن آن را در لاگ خودش می‌نویسد. کد تازه: rad-panel setup-code
setup-wrong-code = این کد درست نیست. آخرین کد را از لاگ پنل بردارید یا روی سرور rad-panel setup-code را اجرا کنید.
setup-repeat-password = تکرار رمز
setup-do = ساختن مدیر و ورود
setup-done = پنل آماده است. قدم‌های بعدی پایین همین صفحه نوشته شده‌اند.
setup-done-by-another = مدیر در همین فاصله ساخته شد. اگر مدیر شمایید، وارد شوید.
