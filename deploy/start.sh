#!/usr/bin/env bash
# From a bare Ubuntu or Debian server to the panel on HTTPS, with containers. Run as root; safe to run again.
#
#   deploy/start.sh [--image FILE | --build]
#
# Asks for what it does not find in the environment, in deploy/.env or among the secrets: DOMAIN, MARZBAN_URL,
# MARZBAN_USERNAME, MARZBAN_PASSWORD. An EMAIL for the account with the certificate authority need not be. A
# MARZBAN_PASSWORD, MARZBAN_HTTP_PROXY, MARZBAN_HTTPS_PROXY or BACKUP_S3_SECRET_KEY in the environment replaces the one
# that was kept. --image loads the panel's image from a file (of `docker save`), --build makes it of this folder, as
# after an upgrade; with neither it is built if there is none. Building takes long on a small server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# How long the panel and the first certificate may take, in seconds.
patience=${PATIENCE:-300}

say() { printf '%s\n' "$*"; }
stop() { printf 'deploy/start.sh: %s\n' "$*" >&2; exit 1; }

image_file='' build=''
while [[ $# -gt 0 ]]; do
    case $1 in
        --image) image_file=${2:?a file must follow --image}; shift 2 ;;
        --build) build=yes; shift ;;
        *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]##*/}"; exit 2 ;;
    esac
done
[[ $(id -u) -eq 0 ]] || stop "must run as root: it makes folders that belong to the containers' users."

# Docker, and either generation of Compose.
find_compose() {
    if docker compose version >/dev/null 2>&1; then compose=(docker compose)
    elif command -v docker-compose >/dev/null; then compose=(docker-compose)
    else return 1; fi
}
if ! command -v docker >/dev/null || ! find_compose; then
    command -v apt-get >/dev/null || stop "Docker with Compose is missing; install it and start again."
    say "Installing Docker …"
    apt-get -q update >/dev/null
    plugin=docker-compose
    if apt-cache show docker-compose-v2 >/dev/null 2>&1; then plugin=docker-compose-v2; fi
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends docker.io "$plugin" >/dev/null
    find_compose || stop "Docker Compose did not get installed."
fi
docker info >/dev/null 2>&1 || stop "the Docker engine does not answer; see \`systemctl status docker\`."

# The value of a name in deploy/.env, as it was written the last time.
kept() {
    [[ -f .env ]] || return 0
    sed -n "s/^$1=//p" .env | tail -n 1
}

# The value of the setting $1: of the environment, as it was written the last time, or $2.
chosen() {
    local value=${!1:-$(kept "$1")}
    printf '%s' "${value:-$2}"
}

# Sets the variable named $1: from the environment, deploy/.env, or by asking. $2 is the question, $3 the pattern.
settle() {
    local name=$1 question=$2 pattern=$3 value
    value=${!name:-$(kept "$name")}
    while [[ ! $value =~ $pattern ]]; do
        if [[ $value ]]; then say "$name: \`$value\` can't be right."; fi
        [[ -t 0 ]] || stop "$name is missing or malformed, and nobody is there to be asked."
        read -r -p "$question: " value
    done
    printf -v "$name" '%s' "$value"
}

settle DOMAIN "The panel's domain, which points to this server (panel.example.ir)" '^([a-z0-9-]+\.)+[a-z0-9-]+$'
settle EMAIL "Your e-mail address, for the account with the certificate authority, or nothing" '^([^@ ]+@[^@ ]+)?$'
settle MARZBAN_URL "Marzban's address (https://marzban.example.ir:8000)" '^https?://[^ $]+$'
settle MARZBAN_USERNAME "The Marzban admin that the panel uses" '^[^ $]+$'
if [[ $MARZBAN_URL =~ ^https?://(localhost|127\.) ]]; then
    stop "in a container $MARZBAN_URL is the container itself; for a Marzban on this server, that listens on more than
127.0.0.1, give http://host.docker.internal:PORT."
fi

RAD_HOME=$(chosen RAD_HOME /var/rad-panel)
[[ $RAD_HOME == /* ]] || stop "RAD_HOME must begin with /."

# Folders of the panel's user (10001) and of nginx's and certbot's (101); PostgreSQL's image takes over its own.
umask 077
install -d -m 0755 "$RAD_HOME"
install -d -m 0700 "$RAD_HOME/secrets" "$RAD_HOME/database"
install -d -m 0750 -o 10001 -g 10001 "$RAD_HOME/uploads" "$RAD_HOME/backups" "$RAD_HOME/logs"
install -d -m 0700 -o 101 -g 101 "$RAD_HOME/certificates" "$RAD_HOME/challenges" "$RAD_HOME/buffers"

# Writes a secret for the panel's user alone.
keep_secret() {
    printf '%s' "$2" >"$RAD_HOME/secrets/$1.new"
    chown 10001:10001 "$RAD_HOME/secrets/$1.new"
    chmod 0400 "$RAD_HOME/secrets/$1.new"
    mv "$RAD_HOME/secrets/$1.new" "$RAD_HOME/secrets/$1"
}
# The same, unless it is kept already.
changed=
keep_changed() {
    if [[ ! -e $RAD_HOME/secrets/$1 || $2 != "$(cat "$RAD_HOME/secrets/$1")" ]]; then
        keep_secret "$1" "$2"
        changed=yes
    fi
}

if [[ ! -s $RAD_HOME/secrets/database_password ]]; then
    # PostgreSQL takes a password at its birth only.
    [[ ! -e $RAD_HOME/database/PG_VERSION ]] ||
        stop "there is a database in $RAD_HOME/database, but its password is not in $RAD_HOME/secrets."
    keep_secret database_password "$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')"
fi
if [[ ${MARZBAN_PASSWORD-} || ! -s $RAD_HOME/secrets/marzban_password ]]; then
    password=${MARZBAN_PASSWORD-}
    while [[ -z $password ]]; do
        [[ -t 0 ]] || stop "MARZBAN_PASSWORD is missing, and nobody is there to be asked."
        read -r -s -p "The password of $MARZBAN_USERNAME in Marzban: " password
        echo
    done
    keep_changed marzban_password "$password"
fi
# Those that there need not be. Where one stands in deploy/.env, as the proxies did in an older version, it goes from
# there into its file, without what only Compose wants.
optional=(BACKUP_S3_SECRET_KEY MARZBAN_HTTP_PROXY MARZBAN_HTTPS_PROXY)
for name in "${optional[@]}"; do
    value=$(kept "$name")
    if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    value=${!name:-${value//\$\$/\$}}
    if [[ $value || ! -e $RAD_HOME/secrets/${name,,} ]]; then keep_changed "${name,,}" "$value"; fi
done

# deploy/.env: the lines that this script knows anew, all others as they are, but for secrets.
# shellcheck disable=SC2034 # It is read by its name, below.
COMPOSE_PROJECT_NAME=$(chosen COMPOSE_PROJECT_NAME rad-panel)
settled=(COMPOSE_PROJECT_NAME DOMAIN EMAIL MARZBAN_URL MARZBAN_USERNAME RAD_HOME)
# A bare number, as an older version had it, would be open over IPv6 too, where Docker hides who comes.
for name in HTTP_PORT HTTPS_PORT; do
    value=$(chosen "$name" '')
    if [[ $value =~ ^[0-9]+$ ]]; then
        printf -v "$name" '0.0.0.0:%s' "$value"
        settled+=("$name")
    fi
done
write_env() {
    local name
    for name in "${settled[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done
    if [[ -f .env ]]; then grep -vE "^($(IFS='|'; echo "${settled[*]}|${optional[*]}"))=" .env || true; fi
}
write_env >.env.new
mv .env.new .env
# What is in the environment would win over deploy/.env, but only this once.
unset MARZBAN_PASSWORD "${optional[@]}"

getent hosts "$DOMAIN" >/dev/null ||
    say "Careful: $DOMAIN is not known to the name servers yet; without that there is no certificate."
# An address of IPv4 is told in this form where there is no other.
if getent ahostsv6 "$DOMAIN" | grep -v '^::ffff:' >/dev/null; then
    say "Careful: $DOMAIN has an address of IPv6 (an AAAA record), where nothing listens with containers. Take that record
away, or people and the certificate authority may knock there in vain; deploy/install.sh serves IPv6 as well."
fi

image=$(chosen RAD_PANEL_IMAGE rad-panel:latest)
if [[ $image_file ]]; then
    say "Loading the image …"
    docker load --quiet --input "$image_file"
    docker image inspect "$image" >/dev/null 2>&1 || stop "$image_file holds no image of the name $image."
elif [[ ! $(docker image ls --quiet "$image") || $build ]]; then
    memory=$(awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1000000) }' /proc/meminfo)
    ((memory >= 4)) || say "Careful: the compiler wants 4 GB of memory, and $memory are free here. If it ends in the
middle, build on another machine: docker build -f deploy/Dockerfile -t $image . && docker save $image | gzip >FILE,
and come back with --image FILE."
    say "Building the image; on two cores this takes about half an hour …"
    # With the programs of the database's own version.
    postgres=$(kept POSTGRES_IMAGE)
    postgres=${POSTGRES_IMAGE:-${postgres:-postgres:15-bookworm}}
    docker build --file Dockerfile --tag "$image" --build-arg "POSTGRES_IMAGE=$postgres" ..
fi

say "Starting …"
give_up() {
    "${compose[@]}" ps >&2
    "${compose[@]}" logs --no-color --tail=15 certbot panel >&2
    stop "$*"
}
# A container that runs holds on to the secret that it began with.
if [[ $changed && $("${compose[@]}" ps --quiet panel) ]]; then "${compose[@]}" stop panel; fi
"${compose[@]}" up --detach --no-build --remove-orphans || give_up "not everything started."
# nginx takes other templates up by itself, but goes on with the script that it began with.
# shellcheck disable=SC2016 # the container's own shell reads it
same_script='[ "$(cksum </deploy/nginx/container.sh)" = "$(cat /tmp/script)" ]'
if ! "${compose[@]}" exec -T nginx /bin/sh -c "$same_script" 2>/dev/null; then "${compose[@]}" restart nginx; fi
# An attempt that failed is made again now, and not in an hour.
if "${compose[@]}" exec -T certbot test -e /tmp/failed; then "${compose[@]}" restart certbot; fi

# A certificate that nobody knows is an answer too: trying things out with one's own is not this script's business.
answers() {
    "${compose[@]}" exec -T nginx curl --fail --silent --insecure --max-time 5 --output /dev/null \
        --resolve "$DOMAIN:443:127.0.0.1" "https://$DOMAIN/login"
}
say "Waiting for https://$DOMAIN …"
begin=$SECONDS
until answers; do
    if ((SECONDS - begin > patience)); then
        give_up "https://$DOMAIN does not answer yet. Most often the domain does not point to this server, or a firewall
keeps port 80 closed. Run this script again when that is mended."
    fi
    sleep 2
done

say "The panel is on https://$DOMAIN, $SECONDS s after the start."
# It says something only while there is no admin.
if code=$("${compose[@]}" exec -T panel rad-panel setup-code 2>/dev/null); then say "$code"; fi
