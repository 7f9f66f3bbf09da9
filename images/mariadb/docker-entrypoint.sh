#!/bin/bash
# Starts MariaDB with the official image's environment variables; the first start makes the database.
# The new database is complete before it is moved into place, so that a first start cut short is simply done again.
set -euo pipefail

data=/var/lib/mysql
draft="$data/.initialising"

fail() {
    echo "error: $*" >&2
    exit 1
}

# setting NAME [DEFAULT]: MARIADB_NAME, MYSQL_NAME or the file that one of them with _FILE names.
setting() {
    local prefix name file
    for prefix in MARIADB MYSQL; do
        name="${prefix}_$1" file="${prefix}_$1_FILE"
        if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
            fail "$name and $file are both set; set one of them"
        fi
        if [ -n "${!name:-}" ]; then
            printf '%s' "${!name}"
            return
        fi
        if [ -n "${!file:-}" ]; then
            cat "${!file}"
            return
        fi
    done
    printf '%s' "${2:-}"
}

# A text as an SQL string: quotes and backslashes doubled.
quoted() {
    local text="${1//\\/\\\\}"
    printf "'%s'" "${text//\'/\'\'}"
}

sql() {
    mariadb --no-defaults --protocol=socket --socket="$socket" --user=root --binary-mode "$@"
}

accounts() {
    local root="$1" database="$2" user="$3" password="$4"
    echo "SET @@SESSION.SQL_LOG_BIN = 0;"
    echo "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host NOT IN ('localhost'));"
    echo "FLUSH PRIVILEGES;"
    if [ -n "$database" ]; then
        echo "CREATE DATABASE IF NOT EXISTS \`${database//\`/\`\`}\`;"
    fi
    if [ -n "$user" ]; then
        echo "CREATE USER IF NOT EXISTS $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
        if [ -n "$database" ]; then
            echo "GRANT ALL ON \`${database//_/\\_}\`.* TO $(quoted "$user")@'%';"
        fi
    fi
    if [ -n "$root" ]; then
        echo "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY $(quoted "$root");"
        echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
    fi
}

initialise() {
    local root database user password file
    root="$(setting ROOT_PASSWORD)" database="$(setting DATABASE)"
    user="$(setting USER)" password="$(setting PASSWORD)"
    if [ -z "$root" ] && [ -z "${MARIADB_RANDOM_ROOT_PASSWORD:-}" ] && [ -z "${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
        fail "set one of MARIADB_ROOT_PASSWORD, MARIADB_RANDOM_ROOT_PASSWORD and MARIADB_ALLOW_EMPTY_ROOT_PASSWORD"
    fi
    if [ -n "$user" ] && [ -z "$password" ]; then
        fail "MARIADB_USER is $user but MARIADB_PASSWORD is empty"
    fi
    if [ -n "${MARIADB_RANDOM_ROOT_PASSWORD:-}" ]; then
        root="$(head -c 24 /dev/urandom | base64)"
        echo "GENERATED ROOT PASSWORD: $root"
    fi
    rm -rf "$draft"
    mkdir "$draft"
    mariadb-install-db --datadir="$draft" --auth-root-authentication-method=normal --skip-test-db --skip-log-bin \
        --cross-bootstrap > /dev/null

    socket="$(mktemp -d)/mariadb.sock"
    mariadbd --datadir="$draft" --socket="$socket" --pid-file="$socket.pid" --skip-networking --skip-log-bin &
    local server=$!
    until sql --execute='SELECT 1' > /dev/null 2>&1; do
        kill -0 "$server" 2> /dev/null || fail "the temporary server ended; its messages are above"
        sleep 0.1
    done
    accounts "$root" "$database" "$user" "$password" | sql mysql
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sql) echo "running $file" && sql "${database:-mysql}" < "$file" ;;
        *.sql.gz) echo "running $file" && gunzip --stdout "$file" | sql "${database:-mysql}" ;;
        *.sh) echo "running $file" && MYSQL_UNIX_PORT="$socket" bash "$file" ;;
        esac
    done
    if [ -n "$root" ]; then
        echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "$root");" | sql mysql
    fi
    kill "$server"
    wait "$server"
    rm -rf "${socket%/*}"
    touch "$draft/.complete"
}

# What makes the directory a database, the directory mysql, goes last.
move_into_place() {
    local entry
    for entry in "$draft"/*; do
        if [ "${entry##*/}" != mysql ]; then
            rm -rf "${data:?}/${entry##*/}"
            mv "$entry" "$data/"
        fi
    done
    mv "$draft/mysql" "$data/"
    rm -rf "$draft"
}

if [ "${1#-}" != "$1" ]; then
    set -- mariadbd "$@"
elif [ "$1" = mysqld ]; then
    shift
    set -- mariadbd "$@"
fi

if [ "$1" = mariadbd ]; then
    if [ "$(id -u)" = 0 ]; then
        find "$data" /run/mysqld ! -user mysql -exec chown mysql:mysql {} +
        exec setpriv --reuid=mysql --regid=mysql --clear-groups --no-new-privs "$0" "$@"
    fi
    if [ ! -d "$data/mysql" ]; then
        if [ ! -e "$draft/.complete" ]; then
            initialise
        fi
        move_into_place
        echo "the database is made; starting it"
    fi
    unset MARIADB_ROOT_PASSWORD MARIADB_PASSWORD MYSQL_ROOT_PASSWORD MYSQL_PASSWORD
fi

exec "$@"
