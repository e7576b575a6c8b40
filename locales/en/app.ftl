toman = { $amount } Toman
