# The menu, and what the frame of a page says about its person.
nav-overview = Overview
nav-wallet = Wallet
nav-create-account = New account
nav-accounts = Accounts
nav-payments = Payments
nav-payment-history = History
nav-orders = Orders
nav-agents = Agents
nav-customers = Customers
nav-plans = Plans
nav-payment-methods = Payment methods
nav-log = Log
nav-settings = Settings
layout-below-zero = You owe { $amount }. Until it is paid you cannot create or renew; if it is not paid by { $deadline }, all accounts will be disabled.
layout-put-off = The admin has put off the deadline: { $reason }
layout-arrival-title = One moment…
layout-arrival-continue = Continue
