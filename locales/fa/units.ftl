size-bytes = { $size } بایت
size-kilobytes = { $size } کیلوبایت
size-megabytes = { $size } مگابایت
size-gigabytes = { $size } گیگابایت
size-terabytes = { $size } ترابایت
