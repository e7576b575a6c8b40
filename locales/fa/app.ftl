toman = { $amount } تومان
