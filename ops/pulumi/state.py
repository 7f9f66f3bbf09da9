"""Pulumi's state as its CLI exports it: what is protected, what a killed run left open, who holds the lock."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ops.kube import Key, section

if TYPE_CHECKING:
    from collections.abc import Mapping

_PENDING = "pending_operations"
_KUBERNETES = "kubernetes:"
# As the file and bucket backends say who holds the lock (pulumi v3, pkg/backend/diy/lock.go).
_HOLDER = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")


@dataclass(frozen=True)
class Holder:
    """Who holds the lock of a stack in a file or bucket backend."""

    user: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since}"

    @property
    def gone(self) -> bool:
        """Whether it is known to be dead: a process of this machine that is not there any more."""
        return self.host == socket.gethostname() and not _is_pulumi(self.pid)


def holders(text: str) -> list[Holder]:
    """Who holds the lock, from the backend's refusal; nobody where it names nobody."""
    return [Holder(m["user"], m["host"], int(m["pid"]), m["since"]) for m in _HOLDER.finditer(text)]


def resources(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", deployment.get("resources") or [])


def protected(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources that the state protects, components left out."""
    return [entry for entry in resources(deployment) if entry.get("protect") and entry.get("custom")]


def without_protection(deployment: Mapping[str, Any], urns: set[str]) -> dict[str, Any]:
    changed = [{**e, "protect": False} if e["urn"] in urns else e for e in resources(deployment)]
    return {**deployment, "resources": changed}


def is_kubernetes(entry: Mapping[str, Any]) -> bool:
    return str(entry["type"]).startswith(_KUBERNETES)


def only_on_clusters(deployment: Mapping[str, Any]) -> bool:
    """Whether all that the state holds is objects on clusters and what Pulumi itself keeps beside them."""
    providers = tuple(f"pulumi:providers:{name}" for name in ("kubernetes", "pulumi"))
    ours = (_KUBERNETES, *providers, "pulumi:pulumi:", "pulumi:index:")
    return all(str(entry["type"]).startswith(ours) for entry in resources(deployment) if entry.get("custom"))


def name_of(entry: Mapping[str, Any]) -> str:
    return resource_name(str(entry["type"]), str(entry["urn"]).rsplit("::", 1)[-1], entry.get("inputs") or {})


def resource_name(token: str, name: str, inputs: Mapping[str, Any]) -> str:
    """What people know a resource by: `Kind namespace/name`, or its type and its name in the program."""
    body = dict(inputs)
    known = token.startswith(_KUBERNETES) and "name" in section(body, "metadata") and "kind" in body
    return str(Key.of(body)) if known else f"{token} {name}"


@dataclass(frozen=True)
class Pending:
    """An operation (`creating`, `updating`, `deleting`, `reading`, `importing`) that began and of which nobody knows
    how it ended. `object_id` is Pulumi's for an object on a cluster (`namespace/name`, or `name`), else None."""

    urn: str
    operation: str
    name: str
    object_id: str | None

    @property
    def harmless(self) -> bool:
        """Whether the next run finds out by itself: what was being changed or deleted is in the state."""
        return self.operation != "creating"

    @property
    def adoptable(self) -> bool:
        """Whether it may have been made, and can be asked for because its name says what it would be. The next run
        would try to make it again, which Pulumi's Kubernetes provider refuses since 4.29 if it is there. What may have
        been made in a cloud has an id that nobody knows."""
        return self.object_id is not None and self.operation == "creating"


def pending(deployment: Mapping[str, Any]) -> list[Pending]:
    return [
        Pending(entry["resource"]["urn"], entry["type"], name_of(entry["resource"]), _object_id(entry["resource"]))
        for entry in operations(deployment)
    ]


def operations(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations that began and of which the state does not say how they ended."""
    return cast("list[dict[str, Any]]", deployment.get(_PENDING) or [])


def _object_id(entry: dict[str, Any]) -> str | None:
    """The id that Pulumi's Kubernetes provider gives an object, which it checked and so has a name and a namespace."""
    metadata = section(entry, "inputs", "metadata")
    if not is_kubernetes(entry) or "name" not in metadata:
        return None
    return "/".join(str(metadata[key]) for key in ("namespace", "name") if key in metadata)


def with_created(deployment: Mapping[str, Any], urns: set[str]) -> dict[str, Any]:
    """The state as if objects that were being created on a cluster, the adoptable operations of these URNs, were there,
    to be asked for by a refresh; each takes the place of the one that it was to replace."""
    known = {str(entry["resource"]["urn"]): entry["resource"] for entry in operations(deployment)}
    made = {p.urn: {**known[p.urn], "id": p.object_id} for p in pending(deployment) if p.urn in urns and p.adoptable}
    # One that is only waiting for its removal stays beside the new one.
    standing = [None if entry.get("delete") else entry["urn"] for entry in resources(deployment)]
    entries = [made.get(str(urn), entry) for urn, entry in zip(standing, resources(deployment), strict=True)]
    entries += [entry for urn, entry in made.items() if urn not in standing]
    return {**without_pending(deployment, set(made)), "resources": entries}


def without_pending(deployment: Mapping[str, Any], urns: set[str]) -> dict[str, Any]:
    kept = [entry for entry in operations(deployment) if entry["resource"]["urn"] not in urns]
    rest = {key: value for key, value in deployment.items() if key != _PENDING}
    return {**rest, _PENDING: kept} if kept else rest


def _is_pulumi(pid: int) -> bool:
    """Whether a process of that number is there and may be Pulumi; a number is given out again some day."""
    try:
        # Everybody may read it, whoever's process it is.
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists()
    except OSError:
        return True
