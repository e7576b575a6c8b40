# Jalali months; lists are separated by commas, the week begins on Saturday.
calendar-months = فروردین, اردیبهشت, خرداد, تیر, مرداد, شهریور, مهر, آبان, آذر, دی, بهمن, اسفند
calendar-weekdays = شنبه, یکشنبه, دوشنبه, سه‌شنبه, چهارشنبه, پنجشنبه, جمعه
calendar-long-date = { $weekday } { $day } { $month } { $year }
ago-now = همین حالا
ago-minutes = { $count } دقیقه پیش
ago-hours = { $count } ساعت پیش
ago-yesterday = دیروز
ago-days = { $count } روز پیش
remaining-days = { $count } روز
remaining-hours = { $count } ساعت
remaining-minutes = { $count } دقیقه
remaining-moments = کمتر از یک دقیقه
