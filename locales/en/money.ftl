# Lists are separated by commas; money::words counts on their order.
words-zero = zero
words-ones = one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen, seventeen, eighteen, nineteen
words-tens = twenty, thirty, forty, fifty, sixty, seventy, eighty, ninety
words-hundreds = one hundred, two hundred, three hundred, four hundred, five hundred, six hundred, seven hundred, eight hundred, nine hundred
words-scales = thousand, million, billion, trillion, quadrillion, quintillion
words-ten = { $ten }-{ $one }
words-hundred = { $hundred } { $rest }
words-group = { $higher } { $lower }
words-negative = minus { $words }
