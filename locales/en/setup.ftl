# The first start.
setup-title = Set up the panel
setup-about = This panel has no admin yet. Make the first one here.
setup-code = Setup code
setup-code-hint = The panel writes it to its output when it starts. A new one: rad-panel setup-code
setup-wrong-code = The code is not right. Take the last one from the panel's output, or run rad-panel setup-code on its machine.
setup-repeat-password = Password again
setup-do = Make the admin and sign in
setup-done = The panel is ready. The next steps stand on this page.
setup-done-by-another = The panel has an admin by now. Sign in with that name and password.
