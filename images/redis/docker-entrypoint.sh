#!/bin/sh
# Starts redis-server as the official image does: arguments alone are its options, root becomes the user redis.
set -eu

if [ "${1#-}" != "${1}" ] || [ "${1%.conf}" != "${1}" ]; then
    set -- redis-server "$@"
fi

if [ "$1" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis:redis {} +
        exec setpriv --reuid=redis --regid=redis --clear-groups --no-new-privs "$0" "$@"
    fi
    umask 077
    # The official build trusts its network; Debian's would answer loopback only while no password is set.
    case " $* " in
    *" --protected-mode "*) ;;
    *) set -- "$@" --protected-mode no ;;
    esac
fi

exec "$@"
