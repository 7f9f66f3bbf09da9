#!/bin/bash
# Starts PostgreSQL with the official image's environment variables; the first start makes the database.
# The new database is complete before it is moved into place, so that a first start cut short is simply done again.
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 1
}

# file_env NAME [DEFAULT]: the value of NAME, or of the file that NAME_FILE names, is exported as NAME.
file_env() {
    local name="$1" file="${1}_FILE"
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
        fail "$name and $file are both set; set one of them"
    fi
    if [ -n "${!file:-}" ]; then
        export "$name"="$(cat "${!file}")"
    else
        export "$name"="${!name:-${2:-}}"
    fi
    unset "$file"
}

# Run SQL given on standard input, as the superuser, over the temporary server's socket.
sql() {
    PGPASSWORD="$POSTGRES_PASSWORD" psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --host="$socket" \
        --username="$POSTGRES_USER" "$@"
}

initialise() {
    file_env POSTGRES_PASSWORD
    file_env POSTGRES_USER postgres
    file_env POSTGRES_DB "$POSTGRES_USER"
    file_env POSTGRES_INITDB_ARGS
    local method="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$method" != trust ]; then
        fail "POSTGRES_PASSWORD is empty; set it (or POSTGRES_PASSWORD_FILE) for the superuser $POSTGRES_USER"
    fi
    rm -rf "$draft"
    # POSTGRES_INITDB_ARGS holds several arguments: it is split at blanks on purpose.
    # shellcheck disable=SC2086
    initdb --pgdata="$draft" --username="$POSTGRES_USER" --auth-local=trust --auth-host="$method" --encoding=UTF8 \
        --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
    printf '\nhost all all all %s\n' "$method" >> "$draft/pg_hba.conf"

    socket="$(mktemp -d)"
    pg_ctl --pgdata="$draft" --wait --silent --options="-c listen_addresses='' -c unix_socket_directories='$socket'" start
    if [ "$POSTGRES_DB" != postgres ]; then
        sql --dbname=postgres --set=db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sql) echo "running $file" && sql --dbname="$POSTGRES_DB" --file="$file" ;;
        *.sql.gz) echo "running $file" && gunzip --stdout "$file" | sql --dbname="$POSTGRES_DB" ;;
        *.sh) echo "running $file" && PGHOST="$socket" PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB" bash "$file" ;;
        esac
    done
    pg_ctl --pgdata="$draft" --wait --silent --mode=fast stop
    rm -rf "$socket" "$draft/postmaster.opts"
    touch "$draft/.complete"
}

# What makes the directory a database, PG_VERSION, goes last.
move_into_place() {
    local entry
    for entry in "$draft"/*; do
        if [ "${entry##*/}" != PG_VERSION ]; then
            mv "$entry" "$PGDATA/"
        fi
    done
    mv "$draft/PG_VERSION" "$PGDATA/"
    rm -rf "$draft"
}

if [ "${1#-}" != "$1" ]; then
    set -- postgres "$@"
fi

if [ "$1" = postgres ]; then
    mkdir -p "$PGDATA"
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
        exec setpriv --reuid=postgres --regid=postgres --clear-groups --no-new-privs "$0" "$@"
    fi
    # A volume's root may belong to somebody else, but then the mode is not ours to change and must be right already.
    chmod 0700 "$PGDATA" 2> /dev/null || true
    draft="$PGDATA/.initialising"
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        if [ ! -e "$draft/.complete" ]; then
            initialise
        fi
        move_into_place
        echo "the database is made; starting it"
    fi
    unset POSTGRES_PASSWORD
fi

exec "$@"
