# Lists are separated by commas; money::words counts on their order.
words-zero = صفر
words-ones = یک, دو, سه, چهار, پنج, شش, هفت, هشت, نه, ده, یازده, دوازده, سیزده, چهارده, پانزده, شانزده, هفده, هجده, نوزده
words-tens = بیست, سی, چهل, پنجاه, شصت, هفتاد, هشتاد, نود
words-hundreds = صد, دویست, سیصد, چهارصد, پانصد, ششصد, هفتصد, هشتصد, نهصد
words-scales = هزار, میلیون, میلیارد, تریلیون, کوادریلیون, کوینتیلیون
words-ten = { $ten } و { $one }
words-hundred = { $hundred } و { $rest }
words-group = { $higher } و { $lower }
words-negative = منفی { $words }
