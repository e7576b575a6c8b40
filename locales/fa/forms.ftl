# What is wrong with a field, in any form.
forms-missing = این را پر کنید.
forms-not-whole = فقط عدد صحیح بنویسید.
forms-out-of-range = از { $from } تا { $to } بنویسید.
forms-too-long = حداکثر { $most } نویسه بنویسید.
forms-wrong = فرم ذخیره نشد؛ خانه‌های قرمز را درست کنید.
forms-save = ذخیره
forms-back = بازگشت
forms-conflict = در این میان { $who } همین را در { $time } تغییر داد و چیزی از شما ذخیره نشد. آنچه نوشته‌اید سر جایش است؛ اگر باز هم همین را می‌خواهید دوباره ذخیره کنید.
forms-conflict-now = اکنون: { $state }
