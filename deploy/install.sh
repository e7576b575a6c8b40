#!/usr/bin/env bash
# RAD Panel on a bare server, without containers: Ubuntu 22.04 or 24.04, Debian 12. Run as root; safe to run again.
#
#   install.sh [--deb FILE | --binary FILE]
#
# Installs PostgreSQL, nginx and certbot from the system's packages and the panel from the package (--deb), from a
# binary (--binary), or from what lies near this script; makes the database, /etc/rad-panel/config, the site of nginx
# and its certificate; starts the panel and says what to do next.
#
# It asks for what it finds neither in the environment nor in /etc/rad-panel/config:
#   DOMAIN             the panel's domain, which points to this server
#   MARZBAN_URL        Marzban's address, as https://marzban.example.ir:8000
#   MARZBAN_USERNAME   an admin made in Marzban by `marzban cli admin create`, not the one of its environment
#   MARZBAN_PASSWORD   her password
# and takes from the environment:
#   EMAIL              your address for the account with the certificate authority, which may write there about it
#   DATABASE_URL       only for a database elsewhere; without it one is made here
#   ACME_SERVER        only for another certificate authority than Let's Encrypt; `none` makes no certificate
# What was set or changed by hand, in the config or in nginx's site, stays as it is.
set -euo pipefail

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
stop() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
config=/etc/rad-panel/config
site=/etc/nginx/sites-available/rad-panel
# The digest of the site as this script wrote it, by which it knows its own work again.
site_digest=/etc/rad-panel/site.sha256
# That of the template which it was made of, or could have been: by it the package tells of another one.
template_digest=/etc/rad-panel/template.sha256
acme_root=/var/www/acme

deb='' binary=''
while [[ $# -gt 0 ]]; do
    case $1 in
        --deb) deb=${2:?a file must follow --deb}; shift 2 ;;
        --binary) binary=${2:?a file must follow --binary}; shift 2 ;;
        --help | -h) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit ;;
        *) printf 'install.sh: %s is unknown; --help says what there is.\n' "$1" >&2; exit 2 ;;
    esac
done
for file in "$deb" "$binary"; do [[ -z $file || -f $file ]] || stop "there is no file $file."; done

[[ $(id -u) -eq 0 ]] || stop "must run as root: sudo $0"
command -v apt-get >/dev/null || stop "this system has no apt-get: it is made for Ubuntu and Debian."
[[ -d /run/systemd/system ]] || stop "systemd does not run here; in a container use deploy/start.sh instead."

declare -A pattern=(
    [DOMAIN]='^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$'
    [EMAIL]='^([^@[:space:]]+@[^@[:space:]]+)?$'
    [MARZBAN_URL]='^https?://[^[:space:]]+$'
    [MARZBAN_USERNAME]='^[^[:cntrl:]]+$'
    [MARZBAN_PASSWORD]='^[^[:cntrl:]]+$'
)
declare -A question=(
    [DOMAIN]="The panel's domain, which points to this server (panel.example.ir)"
    [EMAIL]="Your e-mail address, for the account with the certificate authority, or nothing"
    [MARZBAN_URL]="Marzban's address (https://marzban.example.ir:8000)"
    [MARZBAN_USERNAME]="The Marzban admin that the panel uses"
    [MARZBAN_PASSWORD]="Her password in Marzban"
)

# Whether the config gives this setting a value, or names the file that does.
is_set() { [[ -f $config ]] && grep -qE "^$1(_FILE)?=[[:space:]]*[^[:space:]]" "$config"; }

# The value of a setting that needs no quotes.
plain() { [[ -f $config ]] && sed -n "s/^$1=[[:space:]]*['\"]\{0,1\}\([^'\"]*\)['\"]\{0,1\}[[:space:]]*$/\1/p" "$config" | tail -n 1; }

# Whether the database is this script's own: none is given, or the settings name the one that it made.
own_url='postgres://rad-panel@%2Fvar%2Frun%2Fpostgresql:'
is_own() {
    if is_set DATABASE_URL; then [[ $(plain DATABASE_URL) == "$own_url"* ]]; else [[ -z ${DATABASE_URL-} ]]; fi
}

# Sets the variable named $1 from the environment, or by asking.
settle() {
    local name=$1 value=${!1-} silent=()
    if [[ $name == *PASSWORD ]]; then silent=(-s); fi
    while [[ ! $value =~ ${pattern[$name]} ]]; do
        if [[ $value ]]; then say "$name can't be right."; fi
        [[ -t 0 ]] || stop "$name is missing or malformed, and nobody is there to be asked; put it into the environment."
        read -r "${silent[@]}" -p "${question[$name]}: " value
        if [[ $name == *PASSWORD ]]; then echo; fi
    done
    printf -v "$name" '%s' "$value"
}

# A value as the settings' file takes it: in 'single quotes', where a dollar sign means nothing; in "double" ones where
# it holds a single quote or a backslash, which would take the closing quote along.
quoted() {
    local value=$1
    if [[ $value != *[\'\\]* ]]; then
        printf "'%s'" "$value"
        return
    fi
    value=${value//\\/\\\\}
    value=${value//\"/\\\"}
    value=${value//\$/\\\$}
    printf '"%s"' "$value"
}

# Gives the setting $1 the value $2, unless it has one: in the place of its line, or at the end.
fill_in() {
    local name=$1 line value new=$config.new found=''
    if is_set "$name"; then return; fi
    value=$(quoted "$2")
    install -m 0640 -o root -g rad-panel /dev/null "$new"
    while IFS= read -r line || [[ $line ]]; do
        if [[ -z $found && $line =~ ^#?"$name"= ]]; then
            line=$name=$value
            found=yes
        fi
        printf '%s\n' "$line"
    done <"$config" >"$new"
    if [[ -z $found ]]; then printf '%s=%s\n' "$name" "$value" >>"$new"; fi
    mv "$new" "$config"
}

address=$(plain PUBLIC_URL || true)
if [[ -z ${DOMAIN-} && $address == https://* ]]; then DOMAIN=${address#https://}; fi
settle DOMAIN
if [[ $address && $address != "https://$DOMAIN" ]]; then
    stop "$config says that the panel is at $address, not at https://$DOMAIN; change PUBLIC_URL there and start again."
fi
certificate=/etc/letsencrypt/live/$DOMAIN/fullchain.pem
if [[ ! -s $certificate && ${ACME_SERVER-} != none ]]; then settle EMAIL; fi
for name in MARZBAN_URL MARZBAN_USERNAME MARZBAN_PASSWORD; do
    if ! is_set "$name"; then settle "$name"; fi
done

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    if ! apt-get -q "$@" >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        trap - EXIT
        stop "apt-get $1 failed; its whole output is in $log."
    fi
}

# The packages of PostgreSQL's own makers, of all its versions.
add_postgresql_packages() {
    apt install -y --no-install-recommends postgresql-common
    /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y >"$log" 2>&1 </dev/null || {
        tail -n 5 "$log" >&2
        return 1
    }
}

# The major version of the server behind an address; its password goes by the environment, which others can't read.
server_major() {
    local url=$1 PGPASSWORD=${DATABASE_PASSWORD-} number
    if [[ $url =~ ^([a-z]+://[^:/@]*):([^@/]*)@(.*)$ ]]; then
        url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
        PGPASSWORD=$(printf '%b' "${BASH_REMATCH[2]//%/\\x}")
    fi
    export PGPASSWORD
    number=$(PGCONNECT_TIMEOUT=10 psql -XAtqd "$url" -c 'SHOW server_version_num' 2>/dev/null) || return 1
    echo $((number / 10000))
}

# The newest version of PostgreSQL that brings this program.
newest_with() {
    find /usr/lib/postgresql -path "*/bin/$1" | sed 's#^/usr/lib/postgresql/\([0-9]*\)/.*#\1#' | sort -n | tail -n 1
}

# Backups of a database elsewhere are made by programs that must not be older than it.
match_client() {
    local client server
    if ! server=$(server_major "$1"); then
        say "Careful: the database's version can't be asked from here. Backups need a pg_dump that is not older than it."
        return
    fi
    client=$(newest_with pg_dump)
    if ((server <= ${client:-0})); then return; fi
    say "The database is PostgreSQL $server: taking its programs from apt.postgresql.org, for the backups."
    if add_postgresql_packages; then
        apt install -y --no-install-recommends "postgresql-client-$server"
    else
        say "Careful: there will be no backups before postgresql-client-$server is installed by other means."
    fi
}

step "System packages"
apt update
packages=(nginx certbot curl adduser ca-certificates postgresql-client)
if is_own && ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
    newest=$(apt-cache policy postgresql | sed -n 's/^ *Candidate: \([0-9]*\).*/\1/p')
    if [[ ${newest:-0} -ge 15 ]]; then
        packages+=(postgresql)
    else
        say "This release has PostgreSQL ${newest:-?}, the panel needs 15: taking 16 from apt.postgresql.org."
        add_postgresql_packages || stop "apt.postgresql.org can't be used; install PostgreSQL 15 or newer by other means
and start again."
        packages+=(postgresql-16 postgresql-client-16)
    fi
fi
apt install -y --no-install-recommends "${packages[@]}"

step "The panel"
if [[ -z $deb && -z $binary ]]; then
    for found in "$here"/rad-panel_*.deb "$PWD"/rad-panel_*.deb "$here"/../target/debian/rad-panel_*.deb; do
        if [[ -f $found ]]; then deb=$found; fi
    done
    if [[ -z $deb && -x $here/../target/release/rad-panel ]]; then binary=$here/../target/release/rad-panel; fi
fi
if [[ -z $deb && -z $binary ]] && ! command -v rad-panel >/dev/null; then
    if [[ ! -f $here/../Cargo.toml ]] || ! command -v cargo >/dev/null; then
        stop "there is no panel: give its package (--deb FILE) or its binary (--binary FILE)."
    fi
    say "Building it; on two cores this takes about half an hour …"
    (cd "$here/.." && SQLX_OFFLINE=true cargo build --release --locked --bin rad-panel)
    binary=${CARGO_TARGET_DIR:-$here/../target}/release/rad-panel
fi
# What the package does, for a binary without one.
install_binary() {
    if dpkg-query -W -f '${Status}' rad-panel 2>/dev/null | grep -q "install ok installed"; then
        stop "the panel is installed as a package; upgrade it with --deb FILE, or remove it first."
    fi
    adduser --system --group --quiet --home /var/lib/rad-panel --no-create-home --gecos "RAD Panel" rad-panel
    install -m 0755 "$binary" /usr/bin/rad-panel.new
    mv /usr/bin/rad-panel.new /usr/bin/rad-panel
    install -m 0644 "$here/rad-panel.service" /etc/systemd/system/rad-panel.service
    install -d -m 0755 /usr/share/rad-panel/nginx
    install -m 0644 "$here"/nginx/*.template /usr/share/rad-panel/nginx/
    cp -r --no-preserve=mode,ownership "$here/nginx/pages" /usr/share/rad-panel/
    install -d -m 0750 -o root -g rad-panel /etc/rad-panel
    if [[ ! -e $config ]]; then
        install -m 0640 -o root -g rad-panel "$here/../.env.example" "$config"
        fill_in TRUSTED_PROXIES 127.0.0.1
        fill_in UPLOAD_DIR /var/lib/rad-panel/uploads
        fill_in BACKUP_DIR /var/lib/rad-panel/backups
        fill_in LOG_FILE /var/log/rad-panel/app.log
    fi
}
if [[ $deb ]]; then
    apt install -y --no-install-recommends "$(realpath "$deb")"
elif [[ $binary ]]; then
    install_binary
fi
say "$(rad-panel --version)"

step "Database"
as_postgres() { (cd / && runuser -u postgres -- "$@"); }
asked() { as_postgres psql -XAtqc "$1"; }
# Makes the server's cluster, the role and the database where one is missing: also after all their files were lost, so
# that a backup can be restored.
make_database() {
    local version
    # A server that came with bin/need, or whose cluster was dropped, has none.
    if [[ ! $(pg_lsclusters -h) ]]; then pg_createcluster --start "$(newest_with postgres)" main >/dev/null; fi
    systemctl enable --quiet --now postgresql
    for _ in {1..30}; do
        if asked 'SELECT 1' >/dev/null 2>&1; then break; fi
        sleep 1
    done
    version=$(asked 'SHOW server_version_num') || stop "PostgreSQL does not answer; see \`pg_lsclusters\`."
    [[ $version -ge 150000 ]] || stop "PostgreSQL here is older than 15 ($version), which the panel needs."
    # The role has the name of the panel's own account and no password: PostgreSQL asks the kernel who knocks.
    if [[ ! $(asked "SELECT 1 FROM pg_roles WHERE rolname = 'rad-panel'") ]]; then
        # CREATEDB for the weekly trial restore.
        as_postgres createuser --createdb rad-panel
    fi
    if [[ ! $(asked "SELECT 1 FROM pg_database WHERE datname = 'rad_panel'") ]]; then
        as_postgres createdb --owner=rad-panel --encoding=UTF8 --locale=C.UTF-8 --template=template0 rad_panel
    fi
}
if is_own; then
    make_database
    fill_in DATABASE_URL "$own_url$(asked 'SHOW port')/rad_panel"
    say "rad_panel, for the account rad-panel alone, over PostgreSQL's socket."
elif is_set DATABASE_URL; then
    say "As $config says."
    url=$(plain DATABASE_URL)
    if [[ $url ]]; then match_client "$url"; fi
else
    fill_in DATABASE_URL "$DATABASE_URL"
    say "As DATABASE_URL says."
    match_client "$DATABASE_URL"
fi

step "Settings"
fill_in PUBLIC_URL "https://$DOMAIN"
for name in MARZBAN_URL MARZBAN_USERNAME MARZBAN_PASSWORD; do fill_in "$name" "${!name-}"; done
say "They are in $config, and .env.example or \`rad-panel serve --help\` explains each."

step "Start"
panel() { (cd /var/lib/rad-panel && runuser -u rad-panel -- rad-panel "$@" --config "$config"); }
listen=$(plain LISTEN || true)
listen=${listen:-127.0.0.1:8000}
systemctl daemon-reload
systemctl enable --quiet rad-panel
systemctl reset-failed rad-panel 2>/dev/null || true
# Bringing much data up to date takes its time, which is waited for below.
systemctl restart --no-block rad-panel
ready() { curl --noproxy '*' --fail --silent --max-time 5 --output /dev/null "http://$listen/readyz"; }
begin=$SECONDS
until ready; do
    if ((SECONDS - begin > ${PATIENCE:-120})) || systemctl is-failed --quiet rad-panel; then
        journalctl --unit rad-panel --lines 15 --no-pager --output cat >&2 || true
        stop "the panel does not get ready; its last words stand above (journalctl -u rad-panel). Mend $config and start again."
    fi
    sleep 1
done
say "The panel is ready on $listen."

# The site of nginx made of a template; one that was changed by hand stays.
write_site() {
    local template=$1 text
    sha256sum "$template" >"$template_digest"
    if [[ -e $site ]] && ! sha256sum --check --status "$site_digest" 2>/dev/null; then
        say "$site was changed by hand and stays; $template is what it would be made of."
        return
    fi
    text=$(<"$template")
    text=${text//\$\{DOMAIN\}/"$DOMAIN"}
    text=${text//\$\{UPSTREAM\}/"$listen"}
    # A machine whose kernel has no IPv6 can't listen on it.
    if [[ ! -e /proc/net/if_inet6 ]]; then text=$(grep -v 'listen \[::\]' <<<"$text"); fi
    printf '%s\n' "$text" >"$site"
    sha256sum "$site" >"$site_digest"
}
use_site() {
    ln -sf "$site" /etc/nginx/sites-enabled/rad-panel
    nginx -t -q || stop "nginx does not accept $site; what it says stands above."
    systemctl enable --quiet nginx
    systemctl reload-or-restart nginx
}

step "nginx and the certificate"
templates=/usr/share/rad-panel/nginx
install -d -m 0755 "$acme_root"
if [[ ! -s $certificate ]]; then
    write_site "$templates/first-start.conf.template"
    use_site
    if [[ ${ACME_SERVER-} == none ]]; then
        stop "there is no certificate in $certificate, and none is to be fetched; put one there with its key and start again."
    fi
    getent hosts "$DOMAIN" >/dev/null || say "Careful: the name servers do not know $DOMAIN yet."
    account=(--register-unsafely-without-email)
    if [[ $EMAIL ]]; then account=(--email "$EMAIL"); fi
    if [[ ${ACME_SERVER-} ]]; then account+=(--server "$ACME_SERVER"); fi
    certbot certonly --webroot --webroot-path "$acme_root" --domain "$DOMAIN" --agree-tos --non-interactive \
        --key-type ecdsa "${account[@]}" >"$log" 2>&1 || {
        tail -n 12 "$log" >&2
        stop "no certificate for $DOMAIN yet; why stands above. Most often the domain does not point to this server, or a
firewall keeps port 80 closed. The panel itself runs; start this again when that is mended (Let's Encrypt allows five
failures an hour)."
    }
fi
# certbot's own timer renews; nginx must take the new one up.
hook=/etc/letsencrypt/renewal-hooks/deploy/rad-panel
install -d -m 0755 "${hook%/*}"
printf '#!/bin/sh\n# nginx takes a renewed certificate up, without dropping a connection.\nnginx -t -q && systemctl reload nginx\n' >"$hook"
chmod 0755 "$hook"
write_site "$templates/rad-panel.conf.template"
use_site

# Through nginx, but not through the net: what the name servers say is not known to be right yet. nginx takes the site
# up a moment after it was told to.
through_nginx() {
    curl --noproxy '*' --silent --insecure --max-time 10 --output /dev/null --write-out '%{http_code}' \
        --resolve "$DOMAIN:443:127.0.0.1" "https://$DOMAIN/healthz" || true
}
for _ in {1..20}; do
    answer=$(through_nginx)
    if [[ $answer == 200 ]]; then break; fi
    sleep 0.5
done
[[ $answer == 200 ]] || stop "https://$DOMAIN/healthz answers $answer on this machine; see /var/log/nginx/error.log."

step "Done: https://$DOMAIN"
if code=$(panel setup-code 2>"$log"); then
    say "$code"
elif grep -q 'an admin already' "$log"; then
    say "There is an admin already, who can sign in."
else
    cat "$log" >&2
    say "How the first admin is made: cd / && runuser -u rad-panel -- rad-panel create-admin --config $config --username NAME"
fi
cat <<END
The settings: $config, then \`systemctl restart rad-panel\`.
The log: journalctl -u rad-panel; nginx's: /var/log/nginx.
Receipts and backups: /var/lib/rad-panel. Copy its backups to another machine.
END
