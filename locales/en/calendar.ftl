# Gregorian months; lists are separated by commas, the week begins on Saturday.
calendar-months = January, February, March, April, May, June, July, August, September, October, November, December
calendar-weekdays = Saturday, Sunday, Monday, Tuesday, Wednesday, Thursday, Friday
calendar-long-date = { $weekday } { $day } { $month } { $year }
ago-now = just now
ago-minutes = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
ago-hours = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
ago-yesterday = yesterday
ago-days = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
remaining-days = { $count ->
    [one] 1 day
   *[other] { $count } days
}
remaining-hours = { $count ->
    [one] 1 hour
   *[other] { $count } hours
}
remaining-minutes = { $count ->
    [one] 1 minute
   *[other] { $count } minutes
}
remaining-moments = less than a minute
