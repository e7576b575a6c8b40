# What the pages of agents and customers have in common.
people-status-active = active
people-status-disabled = disabled
people-seen = last sign-in { $ago }
people-never-seen = has not signed in yet
people-never = never
people-password-pending = one-time password not changed yet
people-cancel = Cancel
people-back = Back
people-total = Total credit
people-ceiling-note = may be spent up to { $amount }
people-owing = Below zero since { $since }. If not settled by { $deadline }, the accounts will be disabled.

# What the admin may do
people-actions = Actions
people-adjust = Add or take credit
people-disable = Disable
people-disable-advice = Signs this person out of all devices at once and lets nobody sign in again.
people-disable-accounts = Switch off all their accounts too
people-disable-accounts-hint = Otherwise accounts that run are left running. Enabling the person again does not switch them on.
people-accounts-cut-off = Their accounts are switched off one by one; those that are being made or changed follow.
people-cut-off = Switch off all their accounts
people-cut-off-advice = All their accounts that run are switched off one by one. Enabling the person does not switch them on again.
people-cut-off-do = Switch them off
people-disable-do = Disable now
people-disabled = { $name } was disabled.
people-enable = Enable
people-enabled = { $name } was enabled.
people-reset-password = One-time password
people-reset-password-advice = The current password stops working and all devices are signed out. The new one is shown once only.
people-reset-password-do = Make a new password
people-password-title = One-time password of { $name }
people-password-once = This password is shown only this once. Take it down now.
people-password-must-change = A new password must be chosen at the first sign-in.
people-password-before = This form has already made a password and shown it. If you don't have it, make another one.
people-username = User name
people-one-time-password = One-time password

# Credit by hand
people-credit-title = Credit of { $name }
people-credit-now = Total credit now:
people-direction = What to do?
people-direction-missing = Please choose one.
people-add = Add to the credit
people-take = Take from the credit
people-amount = Amount
people-amount-missing = Please write the amount.
people-amount-wrong = Write the amount in digits and in Toman, like 500,000.
people-amount-out-of-range = The amount must be between 1 Toman and { $max }.
people-reason = Reason
people-reason-hint = It stands in the person's statement.
people-reason-missing = Please write the reason.
people-credit-preview = Preview
people-credit-correct = Or change it
people-preview = This is what it becomes
people-total-before = Total credit now
people-change = Change
people-total-after = Total credit after it
people-goes-below-zero = This takes the agent below zero and starts the 24 hours.
people-customer-below-zero = This takes the customer below zero; nothing can be bought until it is made good.
people-credit-confirm = Do it
people-credit-done = Credit of { $name } was changed: { $amount }
people-balance-changed = The credit had changed meanwhile and nothing was done. Look at the new figures and confirm if they are right.

# What happened
people-orders = Orders
people-orders-none = No orders yet.
people-payments = Payments
people-payments-all = All payments
people-log = What happened
people-log-none = Nothing yet.
people-orders-all = All orders
people-log-all = All of it

# A second factor, and looking at her pages
people-view-as = See their panel
people-reset-two-factor = Two-step sign-in
people-reset-two-factor-advice = For whoever has lost phone and recovery codes: remove it, and the password alone lets them in. Make sure first that it is really them.
people-reset-two-factor-do = Remove two-step sign-in
people-two-factor-reset = Two-step sign-in of { $name } was removed.
