# Why the server could not be asked.
panel-connect-failed = اتصال به سرور برقرار نشد.
panel-proxy-failed = پراکسی جواب نمی‌دهد یا به سرور نمی‌رسد.
panel-timeout = سرور به‌موقع جواب نداد.
panel-connection-broken = اتصال وسط کار قطع شد.
panel-server-error = سرور خطای داخلی داد.
panel-unauthorized = سرور نام کاربری یا رمز پنل را نپذیرفت.
panel-throttled = سرور گفت درخواست‌ها زیاد است.
panel-bad-answer = جواب سرور قابل فهم نبود؛ شاید نشانی آن درست نیست.
panel-circuit-open = مدتی است جواب نداده؛ درخواست نگه داشته شد
