# A step a line.
help-title = Help
help-topics = Topics
help-for = Help for
help-picture = Picture of the page: { $topic }
help-admin-payments = Approving payments
help-admin-payments-steps =
    “Payments” shows the receipts that wait for you; new ones appear by themselves.
    Touch the picture to enlarge it and compare amount and tracking number.
    If the receipt shows another amount, write the right one before you approve.
    A yellow warning means that this receipt or tracking number was here before; the earlier payment is one touch away.
    A rejection needs a reason, which the payer reads. Neither can be taken back.
help-admin-agents = Agents
help-admin-agents-steps =
    “New agent” makes the account. Hand over the one-time password; it is changed at the first sign-in.
    The pending ceiling says how much may be spent from receipts that are not approved yet.
    A disabled agent is signed out everywhere at once; the accounts go on working unless you switch them off.
    “View as” shows the agent's pages as the agent sees them; nothing can be changed there.
help-admin-credit = Credit by hand
help-admin-credit-steps =
    Choose “Change credit” on a person's page; write the amount and a reason.
    You see the balance before and after. What is posted stays; mend a mistake with an opposite posting.
help-admin-plans = Plans and prices
help-admin-plans-steps =
    A plan has days, volume, a public price and an agent's price, which is always lower.
    A new price is for new purchases; earlier orders keep theirs.
    “Change all prices” shows the result before it is saved.
    Deactivate a plan that should not be sold; plans are never deleted.
help-admin-methods = Payment methods
help-admin-methods-steps =
    Add a card, a SHEBA or a crypto wallet. The panel checks the number and knows the bank.
    Daily limits spread payments over the cards; a full one is not shown until tomorrow.
    Each payer sees one of the free methods, and the same one after a refresh.
help-admin-orders = Orders
help-admin-orders-steps =
    “Orders” has all accounts that were sold; find them by user name, agent, plan, state and date.
    The order's page tells all that happened to it: who, when, why.
    “Being made” means paid, and the server has not answered yet; the panel tries again and nothing is lost.
help-admin-reports = Reports and Excel
help-admin-reports-steps =
    Choose the dates and filters; sums stand above the result.
    “Print” gives A4, “Excel” a file. Large ones are made in the background and fetched there.
help-admin-health = Health and backups
help-admin-health-steps =
    The page says whether Marzban is reachable, when each task ran last, and what failed.
    While Marzban is away you can go on selling: orders wait safely and are delivered when it is back.
help-agent-charge = Charging the wallet
help-agent-charge-steps =
    In “Wallet” choose “Charge” and write the amount.
    Transfer it to the card or account that is shown. The copy button copies Rial, which bank apps want.
    Send a picture of the receipt and the tracking number.
    Until it is approved the amount is pending. The result shows on this page, with the reason if it is rejected.
help-agent-pending = Confirmed and pending credit
help-agent-pending-steps =
    Confirmed is what the admin has seen. Pending are receipts that still wait.
    You may spend pending credit up to the ceiling that the admin has set.
    If a receipt is rejected its amount is taken back, which may leave you below zero.
help-agent-create = Making an account
help-agent-create-steps =
    Choose “New account”, a plan, and a user name, or keep the suggestion.
    Alias and note stay in this panel and never go to the server.
    “From the first connection” counts the days from when the customer connects.
    If the server does not answer, the order is safe and is carried out later; do not make another.
help-agent-link = Handing over an account
help-agent-link-steps =
    On the account's page copy the subscription link or show the QR code.
    The ready-made message for the customer can be sent as a whole.
    If the link got into wrong hands, make a new one; the old one stops at once.
help-agent-renewal = Renewing, switching off and on
help-agent-renewal-steps =
    Renewal is at today's price: the plan's days are added to what is left and the volume starts anew. You see it all before you pay.
    An account that is off does not work, but its time goes on; switching moves no money.
help-agent-deletion = Deleting and refunds
help-agent-deletion-steps =
    Within 24 hours the unused part comes back, measured by time or volume, whichever is less.
    An account that starts at its first connection and was never used comes back whole.
    After 24 hours nothing comes back. You see the amount before you delete.
help-agent-deadline = Debts and the 24 hours
help-agent-deadline-steps =
    Below zero, making and renewing are closed and the countdown shows on every page.
    If it is not settled in time, all your active accounts are switched off.
    Back at zero or more, exactly those come back; what you switched off yourself stays off.
help-user-buy = Buying an account
help-user-buy-steps =
    Choose a plan in “Buy”.
    Transfer the amount to the card shown and send a picture of the receipt; with credit no receipt is needed.
    Once the shop approves, the link appears on the same page.
help-user-connect = Connecting
help-user-connect-steps =
    Open the account and install the app for your device.
    Touch the app's button to add the link; or copy it, or scan the QR code.
    Update the subscription in the app and connect.
help-user-renewal = Renewing
help-user-renewal-steps =
    The account's page says how many days and how much volume are left.
    Choose “Renew”: the same account and link go on, nothing needs to be installed again.
help-user-rejected = My receipt was rejected
help-user-rejected-steps =
    The reason stands in “Payments”.
    “Send again” takes the right receipt for the same purchase.
help-profile = Account and security
help-profile-steps =
    “My account” has your name, phone, language and colours.
    Use a password that you use nowhere else. Changing it signs out your other devices.
    The devices that are signed in are listed there; sign out any you do not know.
    Switch on two-factor sign-in, and a stolen password alone opens nothing.
