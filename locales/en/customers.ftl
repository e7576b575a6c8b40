customers-title = Customers
customers-search = Search customers
customers-search-hint = User name or phone
customers-nothing-found = No customer matches this search.
customers-see-all = Show all
customers-none = No customer has registered yet.
customers-column-customer = Customer
customers-column-since = Member since
customers-profile = Profile

# Registering
customers-register = Open a customer account
customers-register-do = Register
customers-register-closed = Registration is closed
customers-register-closed-text = This shop takes no new customers at the moment. If you have an account, sign in; otherwise ask the shop.
customers-register-throttled = There were many registrations from your network. Try again in { $wait }; all you typed but the password is kept.
customers-have-account = Have an account?
customers-username-hint = 3 to 32 small Latin letters, digits, dots, - or _, beginning with a letter.
customers-username-taken = This name is taken. Choose another one.
customers-username-wrong = The name must be 3 to 32 small Latin letters, digits, dots, - or _, and begin with a letter.
customers-phone = Mobile number
customers-phone-hint = Like 09123456789
customers-phone-wrong = This is no Iranian mobile number; write it like 09123456789.
customers-email = E-mail (if you have one)
customers-email-wrong = This e-mail address is not right; write it like name@example.com or leave it empty.
customers-email-taken = This e-mail address belongs to another account.
