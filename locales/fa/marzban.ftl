# Why the server could not be asked.
marzban-connect-failed = اتصال به سرور برقرار نشد.
marzban-proxy-failed = پراکسی جواب نمی‌دهد یا به سرور نمی‌رسد.
marzban-timeout = سرور به‌موقع جواب نداد.
marzban-connection-broken = اتصال وسط کار قطع شد.
marzban-server-error = سرور خطای داخلی داد.
marzban-unauthorized = سرور نام کاربری یا رمز پنل را نپذیرفت.
marzban-throttled = سرور گفت درخواست‌ها زیاد است.
marzban-bad-answer = جواب سرور قابل فهم نبود؛ شاید نشانی آن درست نیست.
marzban-circuit-open = مدتی است جواب نداده؛ درخواست نگه داشته شد
