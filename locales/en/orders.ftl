# Accounts and the orders that make them.
orders-state-awaiting-payment = Awaiting payment
orders-state-provisioning = Being made
orders-state-active = Active
orders-state-on-hold = Waiting to connect
orders-state-ending = Ending soon
orders-state-ended = Used up
orders-state-disabled = Off
orders-state-deleted = Deleted
orders-state-failed = Failed
orders-state-cancelled = Cancelled
orders-time = Time left
orders-time-left = { $left } left
orders-time-over = Its time is over
orders-time-waits = { $days ->
    [one] 1 day, from the first connection
   *[other] { $days } days, from the first connection
}
orders-time-endless = No end date
orders-days = { $days ->
    [one] 1 day
   *[other] { $days } days
}
orders-ends-after-connecting = { $days ->
    [one] 1 day after the first connection
   *[other] { $days } days after the first connection
}
orders-volume = Volume left
orders-volume-left = { $left } of { $limit } left
orders-volume-endless = Unlimited volume
orders-about = { $alias }, { $plan }
orders-as-of = Last heard from the server: { $ago }

orders-create-title = New account
orders-plan = Plan
orders-plan-about = { $days ->
    [one] 1 day, { $volume }
   *[other] { $days } days, { $volume }
}
orders-plan-after = Leaves { $left }
orders-plan-missing = { $missing } short
orders-plan-choose = Choose a plan.
orders-plan-inactive = This plan is no longer sold. Choose another one.
orders-plan-price-changed = The price of this plan has changed and is now { $price }. Nothing was charged; send the form again if you agree.
orders-not-enough = Your credit is not enough for this plan; you are { $missing } short. Nothing was charged.
orders-ceiling = You may spend up to { $ceiling } of your pending credit.
orders-no-plans = There is no plan on sale right now.
orders-no-plans-text = The owner has not added a plan yet, or has closed them all.
orders-below-zero = You owe { $owed }.
orders-below-zero-text = No new account can be made until your credit is back at zero. Charge your wallet first.
orders-charge = Charge wallet
orders-username = Account user name
orders-username-hint = 3 to 32 small letters, digits or _, starting with a letter.
orders-username-hint-prefix = The name starts with { $prefix }; we put it in front. Small letters, digits and _ only.
orders-username-empty = Type a user name.
orders-username-length = The name must have 3 to 32 characters.
orders-username-first = The name must start with a letter.
orders-username-characters = Use English letters, digits and _ only.
orders-username-free = { $name } is free.
orders-username-taken = { $name } is taken.
orders-username-unasked = { $name } is free in our panel, but the server could not be asked just now. If it is taken there, your money comes back.
orders-username-suggestion = Instead: { $name }
orders-alias = Customer's name
orders-alias-hint = Only you see it.
orders-alias-long = The customer's name may have { $length } characters at most.
orders-note = Note
orders-note-long = The note may have { $length } characters at most.
orders-on-hold = Count the days from the first connection
orders-on-hold-hint = The time does not start until the customer connects.
orders-create = Make account
orders-form-used = This form was sent before and made another account. Send it again to make a new one.
orders-form-used-link = See that account

orders-waiting = Your order is stored and safe.
orders-waiting-text = We are making the account on the server. This page refreshes itself; if the server does not answer, we keep trying until it does. There is no need to order again.
orders-refresh = Refresh the page
orders-failed = The account was not made, and { $amount } went back to your wallet.
orders-failed-taken = On the server, the name { $name } belongs to another account.
orders-failed-refused = The server did not accept this account. If it happens again, tell the owner.
orders-again = Try again with another name
orders-disabled-by-owner = You switched this account off.
orders-disabled-by-admin = The owner switched this account off.
orders-disabled-negative = The account was switched off because the wallet was below zero for more than 24 hours. It comes back when the debt is paid.
orders-link = Subscription link
orders-qr = QR code of the subscription link
orders-qr-text = Scan it with the phone's camera or inside the app.
orders-apps = Open in an app
orders-apps-text = If the app is installed, it takes the link by itself.
orders-message-title = A message for the customer
orders-message =
    Hello! Your account is ready.
    Name: { $name }
    Volume: { $volume }
    Valid: { $validity }

    Subscription link (copy it and add it in the app):
    { $link }
orders-message-short =
    Hello! Your account is ready. Add the link above in the app.
    Name: { $name }
    Volume: { $volume }
    Valid: { $validity }
orders-valid-until = { $days ->
    [one] 1 day, until { $date }
   *[other] { $days } days, until { $date }
}
orders-telegram = Send by Telegram
orders-details = Details
orders-bought = Plan
orders-bought-volume = Volume
orders-ends = Ends
orders-duration = Duration
orders-in-toman = Toman
orders-amount = Amount
orders-created = Ordered on
orders-customer = Customer: { $alias }

orders-title = Accounts
orders-search = Search
orders-search-hint = User name, customer's name or note
orders-search-do = Search
orders-filter = State of the accounts
orders-filter-all = All
orders-filter-active = Active
orders-filter-ending = Ending soon
orders-filter-ended = Used up
orders-filter-expired = Time over
orders-filter-used-up = Volume used up
orders-filter-disabled = Off
orders-filter-provisioning = Being made
orders-filter-failed = Failed
orders-sort = Order
orders-sort-newest = Newest
orders-sort-expiry = Ending first
orders-sort-volume = Least volume left
orders-none = You have not made an account yet
orders-none-text = Make one, and its link, volume and days left stand here.
orders-none-end-user = You have no account yet
orders-none-end-user-text = What you get from this shop shows up here.
orders-none-found = Nothing found
orders-none-found-text = Try another word or another state.
orders-show-all = Show all
orders-copy-link = the link of { $name }

orders-overview-title = Overview
orders-overview-hello = Hello { $name }
orders-credit = Your credit
orders-credit-parts = { $confirmed } confirmed, { $pending } pending
orders-credit-owed = You owe { $owed }
orders-count-active = Active
orders-count-ending = Ending soon
orders-count-ended = Used up
orders-count-provisioning = Being made
orders-count-disabled = Disabled
orders-sales = This month
orders-sales-note = Toman, { $count } orders and renewals
orders-renew-these = Renew all of these
orders-last-payments = Last payments
orders-all-payments = Wallet
orders-ending-title = Ending within 3 days
orders-last-title = Latest accounts
orders-all = All accounts
orders-my-accounts = My accounts

# What an end user buys
orders-buy-title = Buy an account
orders-buy-by-receipt = Continue and pay by receipt
orders-buy-from-credit = Pay from credit ({ $credit })
orders-plan-covered = Your credit covers it
orders-plan-rest = With your credit { $rest } is left to pay
orders-buying-closed = Buying is closed at the moment.
orders-buying-closed-text = The shop takes no new orders for now. Your accounts and orders stay as they are; look in later.
orders-too-many-unpaid = You have { $most } unpaid orders. Pay for one or cancel it first.
orders-unpaid-title = Orders waiting for payment
orders-credit-pending = { $pending } more waits for approval
orders-receipt-in = Receipt being checked
orders-receipt-in-text = Once the shop approves the receipt, the account is made by itself and its link appears here. You need do nothing.
orders-credit-suffices = Your credit covers this order.
orders-pay-from-credit = Pay { $price } from credit
orders-to-be-paid = { $missing } left to pay
orders-to-be-paid-text = Transfer the money and send its receipt.
orders-short-text = The shop approved a part of the money. Send { $missing } more and the account is made.
orders-kept-until = The order and its name are kept for you until { $until }.
orders-pay = Pay
orders-cancel = Cancel the order
orders-cancelled = The order was cancelled.
orders-cancel-payment-waits = The receipt for this order is being checked. Take the receipt back first.
orders-cancelled-text = This order was cancelled and cost nothing.
orders-receipt-rejected = Its receipt was rejected: { $reason }
orders-send-again = Send again, { $price }

# How to use an account
orders-how-to = Setting it up on your device
orders-how-to-install = Install { $app } or another of these apps.
orders-how-to-tap = Tap the button of that app on this page; it takes the link by itself. If it does not open, copy the link and choose “add from clipboard” in the app.
orders-how-to-connect = Choose one of the servers in the app and press connect.
orders-android = Android
orders-iphone = iPhone and iPad
orders-windows = Windows
orders-mac = Mac
orders-usage-chart = Usage by day
orders-usage-chart-about = What was used each day in the last two weeks; { $total } in all, and most on { $day }: { $most }.
orders-usage-chart-day = Day
