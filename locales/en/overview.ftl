# The owner's first page.
overview-needs = What waits for you
overview-no-payments = No payment waits.
overview-payments = { $count ->
    [one] 1 payment waits for you
   *[other] { $count } payments wait for you
}
overview-oldest = The oldest: { $ago }
overview-nobody-owes = No agent is below zero.
overview-owing = { $count ->
    [one] 1 agent is below zero
   *[other] { $count } agents are below zero
}
overview-all-made = All accounts are made.
overview-late = { $count ->
    [one] 1 account is not made after more than { $minutes } minutes
   *[other] { $count } accounts are not made after more than { $minutes } minutes
}
overview-late-changes = { $count ->
    [one] 1 change has not reached the server after more than { $minutes } minutes
   *[other] { $count } changes have not reached the server after more than { $minutes } minutes
}
overview-failed = { $count ->
    [one] 1 order failed in the last 24 hours, and its price went back
   *[other] { $count } orders failed in the last 24 hours, and their prices went back
}
overview-jobs-run = The panel's own work is done on time.
overview-stuck = The panel's own work is late; the oldest was due { $ago }
overview-failed-jobs = { $count ->
    [one] 1 of the panel's jobs was given up this week
   *[other] { $count } of the panel's jobs were given up this week
}
overview-no-backup = There is no good backup yet
overview-backup-old = The last good backup is old: { $ago }
overview-backup-not-copied = No backup has left this server: copying fails since { $ago }
overview-backup = Last good backup: { $ago }
overview-server = The accounts' server
overview-server-answers = The accounts' server answers.
overview-server-facts = Version { $version }, in { $ms } ms, { $ago }
overview-core-stopped = The core of the accounts' server is stopped: nobody can connect
overview-server-silent = The accounts' server does not answer
overview-server-why = { $why } ({ $ago })
overview-server-slow = The accounts' server has not answered yet
overview-how = How the shop does
overview-period = Period
overview-today = Today
overview-this-week = This week
overview-this-month = This month
overview-than-yesterday = Against yesterday up to this hour.
overview-than-last-week = Against last week up to this day and hour.
overview-than-last-month = Against last month up to this day and hour.
overview-sales = Sales
overview-arrived = Confirmed payments
overview-new-accounts = New accounts
overview-active-accounts = Active accounts
overview-at-the-moment = at the moment
overview-more = { $percent }% more than { $before }
overview-less = { $percent }% less than { $before }
overview-before = { $before } before
overview-top-agents = Agents who sold most
overview-top-plans = Plans that sold most
overview-customers = All who are no agents
overview-count = { $count ->
    [one] 1 sale
   *[other] { $count } sales
}
overview-nothing-sold = Nothing was sold in this period yet.
overview-chart = Sales of the last { $days } days
overview-chart-about = { $total } in all. The best day was { $day }: { $best }.
overview-day = Day
overview-thousands = { $number }k
overview-millions = { $number }M
overview-first-steps = First steps
overview-hide-steps = Put away
overview-step-done = done
overview-step-open = to do
overview-step-server = Connect to Marzban
overview-step-server-why = Accounts are made there. Test the connection on this page.
overview-step-server-silent = It does not answer, or does not take us; this page says why.
overview-step-plan = A plan to sell
overview-step-plan-why = Nobody can order before one is on offer.
overview-step-method = A payment method
overview-step-method-why = A card, a SHEBA or a crypto wallet that the money goes to.
overview-step-backup = The first backup
overview-step-backup-why = One is made each night; make one now to be sure that it works.
overview-step-backup-now = Make one now
overview-step-https = A public address with HTTPS (optional)
overview-step-https-why = Set PUBLIC_URL in the server's settings to the panel's https address; links in messages begin with it.
overview-step-notices = News by Telegram or e-mail (optional)
overview-step-notices-why = New payments and trouble with the server reach your phone.
