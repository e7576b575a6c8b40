# Everybody's orders, for the admin.
orders-admin-title = Orders
orders-admin-search-hint = Account's user name or customer's name
orders-admin-owner = Owner
orders-admin-owner-hint = User name of an agent or a customer
orders-admin-nobody = Nobody has this user name.
orders-admin-account = Account
orders-admin-left = Left
orders-admin-none = No orders yet.
orders-admin-none-text = What an agent or a customer buys stands here.
orders-admin-server = On the server
orders-admin-server-says = Server: { $status }
orders-admin-server-active = Active
orders-admin-server-on-hold = Waiting to connect
orders-admin-server-disabled = Off
orders-admin-server-limited = Volume used up
orders-admin-server-expired = Expired
orders-admin-number = Order { $number }
orders-admin-waiting = The price is taken and the account is not made yet. It is tried again until the server answers clearly; the money goes back only if the server says no.
orders-admin-failed = The account was not made, and { $amount } went back to its owner's wallet.
orders-admin-failed-refused = The server did not accept this account.
orders-admin-disabled-by-owner = Its owner switched this account off.
orders-admin-disabled-by-admin = The admin switched this account off.
orders-admin-online = Last connection
orders-admin-never-online = Never connected
orders-admin-lifetime = Used in all
orders-admin-life = Life line
orders-admin-tried = Asked of the server { $tries ->
    [one] once
   *[other] { $tries } times
} so far
orders-admin-tried-in-vain = Given up after asking the server { $tries ->
    [one] once
   *[other] { $tries } times
}
orders-admin-tried-until-done = Done after asking the server { $tries ->
    [one] once
   *[other] { $tries } times
}
orders-admin-next-try = next at { $time }
orders-admin-error = Error: { $error }
orders-admin-retry = Try again now
orders-admin-hurried = The server is asked again at once.
orders-admin-nothing-waits = Nothing of this order waits.
orders-admin-move = Move to another agent
orders-admin-move-title = Move order { $number } to another
orders-admin-move-advice = The account stays as it is and no money moves; a refund goes back to the wallet that paid.
orders-admin-move-to = User name of an agent, or your own
orders-admin-move-do = Move
orders-admin-moved = The order was moved to { $username }.
orders-admin-move-bad-target = An order can be moved only to an active agent or to yourself.
orders-admin-move-busy = Something of this order is under way; try again after that.
orders-admin-move-no-account = This order has no account to be moved.
orders-admin-own = My own orders
