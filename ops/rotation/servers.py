"""Teaches databases a new password so that, while their clients are replaced, old and new ones are both let in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ops.errors import EngineError
from ops.kube import CommandError, entries, section
from ops.rotation.passwords import native, scram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ops.kube import Key, Kubectl
    from ops.rotation.plan import Server

# PostgreSQL keeps one password for a user. For the time of the rollout the addresses of the pods that have the old one
# are let in without asking; should the rotation die, the server closes that door by itself: each block in the file has
# a mark of its own, so that nobody closes another one's. What waits for that ends with 0 in any case: the server
# is its parent and takes anything else for a crash of its own.
_COMMON = r"""
set -eu
hba="$(psql -XAtq -U "$POSTGRES_USER" -d postgres -c 'SHOW hba_file')"
reload() { psql -XAtq -U "$POSTGRES_USER" -d postgres -c 'SELECT pg_reload_conf()' > /dev/null; }
close() { sed -i "/^# slipway rotate $1: begin\$/,/^# slipway rotate $1: end\$/d" "$hba"; }
"""
_OPEN = r"""
close '[0-9a-f]*'
{ echo '# slipway rotate @MARK@: begin'; echo '@LINES@'; echo '# slipway rotate @MARK@: end'; cat "$hba"; } > "$hba.new"
cat "$hba.new" > "$hba"
rm "$hba.new"
reload
( set +e; sleep @SECONDS@; close @MARK@; reload; exit 0 ) < /dev/null > /dev/null 2>&1 &
"""
_CLOSE = r"""
close '[0-9a-f]*'
reload
"""
_POSTGRES_SQL = r"""exec psql -Xq -U "$POSTGRES_USER" -d postgres -v ON_ERROR_STOP=1 -f -"""
# The administrator's password is tried as the Secret has it, then as the container was started with.
_MARIADB_SQL = r"""
set -u
read -r given
sql="$(cat)"
for MYSQL_PWD in "$given" "${MARIADB_ROOT_PASSWORD:-${MYSQL_ROOT_PASSWORD:-}}"; do
  export MYSQL_PWD
  if mariadb -u root -e 'SELECT 1' > /dev/null 2>&1; then
    printf '%s\n' "$sql" | mariadb -u root mysql
    exit
  fi
done
echo 'the administrator cannot sign in' >&2
exit 1
"""


# A user may have several hosts; each of them gets the same.
_IDENTIFY = """\
SELECT GROUP_CONCAT(CONCAT(QUOTE(User), '@', QUOTE(Host), ' @WAYS@') SEPARATOR ', ') INTO @who
  FROM mysql.global_priv WHERE User = '@USER@';
SET @say = CONCAT('ALTER USER ', @who);
PREPARE say FROM @say;
EXECUTE say;
"""


class Postgres:
    """One user of a PostgreSQL in a pod."""

    def __init__(self, kubectl: Kubectl, server: Server, timeout: float) -> None:
        """After `timeout` seconds old pods are not let in any more, whatever becomes of the rotation."""
        self._kubectl, self._server, self._timeout = kubectl, server, timeout

    def admit(self, addresses: Iterable[str]) -> None:
        """Let pods in that have the old password."""
        user = self._server.user
        lines = "\n".join(f'host all "{user}" {a}/{128 if ":" in a else 32} trust' for a in sorted(addresses))
        script = _OPEN.replace("@LINES@", lines).replace("@SECONDS@", str(int(self._timeout) + 30))
        _exec(self._kubectl, self._server, _COMMON + script.replace("@MARK@", secrets.token_hex(6)), "")

    def change(self, old: str, new: str) -> None:
        """Set the new password."""
        del old
        user = self._server.user.replace('"', '""')
        _exec(self._kubectl, self._server, _POSTGRES_SQL, f"ALTER ROLE \"{user}\" PASSWORD '{scram(new)}';\n")

    def finish(self, new: str) -> None:
        """Let nobody in any more who has the old password."""
        del new
        _exec(self._kubectl, self._server, _COMMON + _CLOSE, "")


class MariaDb:
    """One user of a MariaDB in a pod; it can know two passwords at a time."""

    def __init__(self, kubectl: Kubectl, server: Server, root: str) -> None:
        self._kubectl, self._server, self._root = kubectl, server, root

    def admit(self, addresses: Iterable[str]) -> None:
        """Nothing to do: the user gets a second password."""

    def change(self, old: str, new: str) -> None:
        """Let in by the old password and by the new one."""
        self._identify(native(old), native(new))

    def finish(self, new: str) -> None:
        """Let in by the new password alone."""
        if self._server.user == "root":
            self._root = new
        self._identify(native(new))

    def _identify(self, *hashes: str) -> None:
        # https://mariadb.com/kb/en/alter-user/: several ways of authentication, tried one after the other.
        ways = " OR ".join(f"mysql_native_password USING '{value}'" for value in hashes)
        name = self._server.user.replace("'", "''")
        text = _IDENTIFY.replace("@USER@", name).replace("@WAYS@", f"IDENTIFIED VIA {ways}".replace("'", "''"))
        _exec(self._kubectl, self._server, _MARIADB_SQL, f"{self._root}\n{text}")


def addresses(kubectl: Kubectl, workloads: Iterable[Key]) -> list[str]:
    """Addresses of the workloads' pods."""
    found: list[str] = []
    for key in workloads:
        for workload in kubectl.get([f"{key.kind.lower()}s", key.name, "-n", key.namespace]):
            labels = ",".join(f"{k}={v}" for k, v in section(workload, "spec", "selector", "matchLabels").items())
            pods = kubectl.get(["pods", "-n", key.namespace, "-l", labels])
            found += [str(entry["ip"]) for pod in pods for entry in entries(pod, "status", "podIPs")]
    return found


def _exec(kubectl: Kubectl, server: Server, script: str, stdin: str) -> None:
    workload = server.workload
    target = f"{workload.kind.lower()}/{workload.name}"
    try:
        # The script names nothing secret; what is secret goes over standard input.
        kubectl.run(
            ["exec", "-i", "-n", workload.namespace, target, "-c", server.container, "--", "sh", "-c", script],
            stdin=stdin,
        )
    except CommandError as error:
        said = error.text.strip().splitlines()[-1:] or ["no message"]
        raise EngineError(
            f"{server.kind} {workload.namespace}/{workload.name} does not take the new password of {server.user}: "
            f"{said[0]}"
        ) from None
