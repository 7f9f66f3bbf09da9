"""Which credentials a stack generates, who uses each of them, and which database has to learn a new one."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ops.errors import RefusedError
from ops.kube import Key, entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ops.kube import Manifest
    from ops.render.result import App, SecretManifest
    from ops.stack import Stack

_REFERENCE = re.compile(r"\$\{([^${}]+)\.output\}")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
# What the official images call the passwords that they set when a database is made, and nothing of theirs reads later.
_SERVERS: dict[str, tuple[Literal["postgres", "mariadb"], str | None]] = {
    "POSTGRES_PASSWORD": ("postgres", "POSTGRES_USER"),
    "MARIADB_PASSWORD": ("mariadb", "MARIADB_USER"),
    "MYSQL_PASSWORD": ("mariadb", "MYSQL_USER"),
    "MARIADB_ROOT_PASSWORD": ("mariadb", None),
    "MYSQL_ROOT_PASSWORD": ("mariadb", None),
}
_CONSEQUENCES = {
    "SECRET_KEY_BASE": "sessions end: people sign in again",
    "TOKEN_KEY": "tokens issued before are refused, and pages fetch new ones; while it rolls, so may new ones be",
}


@dataclass(frozen=True)
class Server:
    """A database that knows the password of `user` (`root` for MariaDB's administrator)."""

    kind: Literal["postgres", "mariadb"]
    workload: Key
    container: str
    user: str


@dataclass(frozen=True)
class Credential:
    """One generated value, by the logical name of its stash, which is unique in the stack. `clients` read it and are
    restarted with a new one; `consequence` is what people notice of that, or empty."""

    name: str
    cluster: str
    secret: Key
    key: str
    clients: tuple[Key, ...]
    servers: tuple[Server, ...]
    apps: tuple[str, ...]
    consequence: str = ""

    def __str__(self) -> str:
        """For messages: the Secret and its key."""
        return f"{self.secret.namespace}/{self.secret.name}: {self.key}"


def credentials(stack: Stack) -> list[Credential]:
    """Every generated credential of a stack."""
    return [
        credential
        for cluster, wanted in sorted(stack.rendered.secrets.items())
        for secret in wanted
        for credential in _of_secret(cluster, secret, stack.manifests(cluster), stack.apps(cluster))
    ]


def chosen(known: Sequence[Credential], wanted: Sequence[str]) -> list[Credential]:
    """Those that a person names by app, Secret or the credential's own name (else RefusedError); all without names."""
    if not wanted:
        return list(known)
    picked: list[Credential] = []
    for name in wanted:
        found = [c for c in known if name in (c.name, c.secret.name, f"{c.secret.namespace}/{c.secret.name}", *c.apps)]
        if not found:
            names = sorted({*(c.name for c in known), *(app for c in known for app in c.apps)})
            raise RefusedError(
                f"{name!r} is no generated credential and no app that has one; there is: {', '.join(names)}"
            )
        picked += [credential for credential in found if credential not in picked]
    return picked


def _of_secret(
    cluster: str, secret: SecretManifest, manifests: Iterable[Manifest], apps: Sequence[App]
) -> Iterator[Credential]:
    if secret.manifest.get("type") == "kubernetes.io/tls":
        return  # Issued, not drawn: `up` replaces it in time.
    key = Key.of(secret.manifest)
    uses = list(_uses(key, manifests))
    texts = {
        **section(secret.manifest, "stringData"),
        **{name: base64.b64decode(text).decode() for name, text in section(secret.manifest, "data").items()},
    }
    for name, text in sorted(texts.items()):
        for stash in _REFERENCE.findall(str(text)):
            readers = [use for use in uses if use.key in (name, None)]
            servers = tuple(use.server for use in readers if use.server)
            clients = {use.workload for use in readers} - {server.workload for server in servers}
            theirs = {
                app.part_of or app.name
                for app in apps
                if Key("apps", app.kind, app.namespace, app.object) in {use.workload for use in readers}
            }
            told = [_CONSEQUENCES[use.variable] for use in readers if use.variable in _CONSEQUENCES]
            yield Credential(
                name=stash,
                cluster=cluster,
                secret=key,
                key=name,
                clients=tuple(sorted(clients)),
                servers=servers,
                apps=tuple(sorted(theirs)),
                consequence=told[0] if told else "",
            )


@dataclass(frozen=True)
class _Use:
    workload: Key
    key: str | None
    variable: str
    server: Server | None


def _uses(secret: Key, manifests: Iterable[Manifest]) -> Iterator[_Use]:
    """Who reads a Secret: by a variable, by all of its keys as variables, or as files."""
    for manifest in manifests:
        workload = Key.of(manifest)
        if manifest["kind"] not in _WORKLOADS or workload.namespace != secret.namespace:
            continue
        pod = section(manifest, "spec", "template", "spec")
        for container in [*entries(pod, "initContainers"), *entries(pod, "containers")]:
            variables = {str(entry["name"]): entry for entry in entries(container, "env")}
            for name, entry in variables.items():
                source = section(entry, "valueFrom", "secretKeyRef")
                if source.get("name") == secret.name:
                    server = _server(workload, container, name, variables)
                    yield _Use(workload, str(source["key"]), name, server)
            if any(section(entry, "secretRef").get("name") == secret.name for entry in entries(container, "envFrom")):
                yield _Use(workload, None, "", None)
        if any(section(entry, "secret").get("secretName") == secret.name for entry in entries(pod, "volumes")):
            yield _Use(workload, None, "", None)


def _server(workload: Key, container: Manifest, variable: str, variables: dict[str, Manifest]) -> Server | None:
    if variable not in _SERVERS:
        return None
    kind, user = _SERVERS[variable]
    default = "postgres" if kind == "postgres" else ""
    name = "root" if user is None else str(variables.get(user, {}).get("value") or default)
    return Server(kind, workload, str(container["name"]), name) if name else None
