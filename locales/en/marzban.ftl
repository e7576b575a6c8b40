# Why the server could not be asked.
marzban-connect-failed = The server could not be connected to.
marzban-proxy-failed = The proxy does not answer or does not reach the server.
marzban-timeout = The server did not answer in time.
marzban-connection-broken = The connection broke halfway.
marzban-server-error = The server answered with an error of its own.
marzban-unauthorized = The server refused the panel's user name or password.
marzban-throttled = The server said that it was asked too often.
marzban-bad-answer = The server's answer made no sense; its address may be wrong.
marzban-circuit-open = It has not answered for a while; the call was held back
