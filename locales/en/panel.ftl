# Why the server could not be asked.
panel-connect-failed = The server could not be connected to.
panel-proxy-failed = The proxy does not answer or does not reach the server.
panel-timeout = The server did not answer in time.
panel-connection-broken = The connection broke halfway.
panel-server-error = The server answered with an error of its own.
panel-unauthorized = The server refused the panel's user name or password.
panel-throttled = The server said that it was asked too often.
panel-bad-answer = The server's answer made no sense; its address may be wrong.
panel-circuit-open = It has not answered for a while; the call was held back
