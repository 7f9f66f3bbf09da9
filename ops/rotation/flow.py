"""The order of a rotation.

1. Databases let in who has the old password and who has the new one.
2. The new values are written into Pulumi's state, and from there into the Secrets.
3. The apps that read them are replaced pod by pod, a new one ready before an old one goes.
4. Databases let in only who has the new one.

Whatever ends it in between, the same command again brings everything to one new value.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.cluster.ownership import check
from ops.errors import EngineError, RefusedError
from ops.kube import CommandError
from ops.pulumi.kubeconfigs import kubectl_of
from ops.pulumi.lock import locked
from ops.rotation import store
from ops.rotation.plan import chosen, credentials
from ops.rotation.servers import MariaDb, Postgres, addresses
from ops.rotation.values import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.kube import Key, Kubectl
    from ops.pulumi.cli import Cli
    from ops.rotation.plan import Credential, Server
    from ops.stack import Stack

_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class _Change:
    """A credential with its values."""

    credential: Credential
    old: str
    new: str


def rotate(stack: Stack, cli: Cli, wanted: Sequence[str], timeout: float) -> list[Credential]:
    """Replace credentials; raises OpsError, which says how far it came."""
    picked = chosen(credentials(stack), wanted)
    if not picked:
        raise RefusedError(f"stack {stack.name} has no generated credentials")
    clusters = kubectl_of(stack, sorted({credential.cluster for credential in picked}))
    with locked(stack.directory, stack.name, "rotate"):
        for kubectl in clusters.values():
            check(stack.name, kubectl, [])
        changes = {name: _changes(stack, kubectl, name, picked) for name, kubectl in clusters.items()}
        for name, kubectl in clusters.items():
            _rotate(stack, cli, kubectl, changes[name], timeout)
    return picked


def _changes(stack: Stack, kubectl: Kubectl, cluster: str, picked: Sequence[Credential]) -> list[_Change]:
    found: list[_Change] = []
    for credential in (credential for credential in picked if credential.cluster == cluster):
        old = values(kubectl, credential.secret).get(credential.key)
        if old is None:
            raise RefusedError(f"{credential} is not on cluster {cluster} yet; slipway up --stack {stack.name} first")
        found.append(_Change(credential, old, "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))))
    return found


def _rotate(stack: Stack, cli: Cli, kubectl: Kubectl, changes: Sequence[_Change], timeout: float) -> None:
    clients = sorted({client for change in changes for client in change.credential.clients})
    taught = [
        (change, _teacher(kubectl, server, change, timeout))
        for change in changes
        for server in change.credential.servers
    ]
    # An administrator's own password comes last, both times: until then the old one serves to set the others.
    taught.sort(key=lambda pair: pair[0].credential.servers[0].user == "root")
    with stack.progress.step("let the databases know the new passwords"):
        for change, teacher in taught:
            teacher.admit(addresses(kubectl, change.credential.clients))
            teacher.change(change.old, change.new)
    with stack.progress.step("write the new values"):
        store.write(cli, stack, kubectl.cluster, {change.credential.name: change.new for change in changes})
    with stack.progress.step(f"replace the pods of {', '.join(client.name for client in clients) or 'nobody'}"):
        _roll(kubectl, clients, timeout, stack.name)
    with stack.progress.step("forget the old passwords"):
        for change, teacher in taught:
            teacher.finish(change.new)


def _teacher(kubectl: Kubectl, server: Server, change: _Change, timeout: float) -> Postgres | MariaDb:
    if server.kind == "postgres":
        return Postgres(kubectl, server, timeout)
    held = values(kubectl, change.credential.secret)
    return MariaDb(kubectl, server, root=next((held[key] for key in sorted(held) if "root" in key), ""))


def _roll(kubectl: Kubectl, clients: Sequence[Key], timeout: float, stack: str) -> None:
    names = {client: [f"{client.kind.lower()}/{client.name}", "-n", client.namespace] for client in clients}
    for name in names.values():
        kubectl.run(["rollout", "restart", *name])
    for client, name in names.items():
        try:
            kubectl.run(["rollout", "status", *name, f"--timeout={timeout:.0f}s"], timeout=timeout + 30)
        except CommandError as error:
            raise EngineError(
                f"{client} does not become ready with the new value: {error.text.splitlines()[-1]}; its old pods "
                f"go on. Look at it with `slipway status --stack {stack}`, then run the same command again"
            ) from None
