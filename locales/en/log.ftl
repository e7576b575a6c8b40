# Who did what, when, from where.
log-title = Log
log-person = Person
log-person-hint = User name: what she did, and what was done to her
log-kind = Kind
log-kind-money = Money
log-kind-sign-ins = Signing in and passwords
log-kind-orders = Orders
log-kind-agents = Agents
log-kind-plans = Plans
log-kind-methods = Payment methods
log-kind-settings = Settings
log-address = IP address
log-address-wrong = Type the whole IP address, such as 192.0.2.1.
log-nothing-found = Nothing was found.
log-empty = Nothing has happened yet.
