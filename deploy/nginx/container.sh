#!/bin/sh
# nginx in its container: plain HTTP for the first challenge until there is a certificate, then HTTPS; looks for a
# new certificate and for another version's templates every ten seconds and takes them up without dropping a connection.
set -eu
: "${DOMAIN:?}" "${UPSTREAM:?}"

here=${0%/*}
certificate=/etc/letsencrypt/live/$DOMAIN/fullchain.pem
mkdir -p /tmp/sites
# By this deploy/start.sh sees that another version brought another script.
cksum <"$0" >/tmp/script

render() {
    if [ -s "$certificate" ]; then template=rad-panel.conf.template; else template=first-start.conf.template; fi
    # shellcheck disable=SC2016 # the names, not their values: nginx has variables of its own
    envsubst '${DOMAIN} ${UPSTREAM}' <"$here/$template" >/tmp/rad-panel.conf
    # A machine whose kernel has no IPv6 can't listen on it.
    if [ ! -e /proc/net/if_inet6 ]; then sed -i '/listen \[::\]/d' /tmp/rad-panel.conf; fi
    mv /tmp/rad-panel.conf /tmp/sites/rad-panel.conf
}

state() { cat "$certificate" "$here"/container.conf "$here"/*.template 2>/dev/null | cksum; }

watch() {
    while sleep 10; do
        now=$(state)
        [ "$now" != "$seen" ] || continue
        # Half a pair of certificate and key is tried again, and meanwhile the old one goes on.
        if render && nginx -t -q -c "$here/container.conf"; then
            nginx -s reload -c "$here/container.conf" && seen=$now
            echo "nginx: took up another certificate or template"
        fi
    done
}

seen=$(state)
render
watch &
exec nginx -g 'daemon off;' -c "$here/container.conf"
