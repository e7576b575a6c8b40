size-bytes = { $size ->
    [one] { $size } byte
   *[other] { $size } bytes
}
size-kilobytes = { $size } KB
size-megabytes = { $size } MB
size-gigabytes = { $size } GB
size-terabytes = { $size } TB
