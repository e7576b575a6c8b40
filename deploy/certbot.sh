#!/bin/sh
# Asks for the certificate where there is none, and renews it a month before its end; looks twice a day.
# ACME_SERVER=none: the owner brings her own into certificates/live/DOMAIN.
set -u
: "${DOMAIN:?}" "${ACME_SERVER:?}"

# The shell is process 1, which the kernel spares every signal that it does not wait for.
trap 'exit 0' TERM INT
pause() { sleep "$1" & wait $!; }

certificate() {
    if [ "${EMAIL:-}" ]; then set -- --email "$EMAIL"; else set -- --register-unsafely-without-email; fi
    certbot certonly --non-interactive --agree-tos --keep-until-expiring --webroot --webroot-path /var/www/acme \
        --server "$ACME_SERVER" --cert-name "$DOMAIN" --domain "$DOMAIN" --key-type ecdsa \
        --config-dir /etc/letsencrypt --work-dir /var/lib/letsencrypt --logs-dir /tmp/logs "$@"
}

while [ "$ACME_SERVER" = none ]; do pause 86400; done
while :; do
    if certificate; then
        rm -f /tmp/failed
        pause 43200
    else
        # Let's Encrypt allows five failures an hour.
        : >/tmp/failed
        echo "certbot: no certificate for $DOMAIN; the next attempt is in an hour, or at once after a restart"
        pause 3600
    fi
done
