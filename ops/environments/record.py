"""The record of an environment: a ConfigMap on each of its clusters, all that it takes to list it and to remove it.

It carries the stack's label, so whatever removes the stack removes the record with it, last of all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import yaml

from ops.engines.base import TITLES
from ops.engines.stash import MARK
from ops.environments.names import check_name, now, read_moment, written
from ops.errors import OpsError, RefusedError
from ops.kube import CommandError, annotations_of, labels_of, section
from ops.live import ENVIRONMENT_LABEL, LIFECYCLE_LABEL, NAMESPACE, STACK_LABEL

if TYPE_CHECKING:
    from datetime import datetime

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest

OWNER_LABEL = "slipway.dev/owner"
CREATING = "creating"
"""State of an environment whose first `up` has not ended yet."""
READY = "ready"
_SELECTOR = f"{ENVIRONMENT_LABEL}=true"
_PREFIX = "slipway.dev/"
_FILE = "stack.yaml"


@dataclass(frozen=True)
class Record:
    """An environment as its cluster knows it.

    Attributes:
        name: Its name, which is its stack's.
        id: Tells it from an earlier one of the same name.
        template: Stack that it was made from.
        owner: Who answers for it.
        engine: Engine that made it.
        lifecycle: `ephemeral`; `durable` when somebody set that later.
        state: `creating` or `ready`.
        created: When it was asked for.
        expires: When it may be removed.
        settings: Text of its stack file.
        clusters: Which of its clusters this record stands for, by their names in the stack file.
        namespaces: Names of its namespaces on them.
        apps: Number of its apps on them.
        version: The resourceVersion it was read at; empty for a new one.
    """

    name: str
    id: str
    template: str
    owner: str
    engine: EngineName
    lifecycle: str
    state: str
    created: datetime
    expires: datetime
    settings: str
    clusters: tuple[str, ...]
    namespaces: tuple[str, ...]
    apps: int
    version: str = ""

    @property
    def expired(self) -> bool:
        """Whether its time is over. A durable one has no end."""
        return self.lifecycle != "durable" and self.expires <= now()

    def document(self) -> dict[str, Any]:
        """Its stack file as data."""
        loaded: object = yaml.safe_load(self.settings)
        return cast("dict[str, Any]", loaded) if isinstance(loaded, dict) else {}

    def manifest(self) -> Manifest:
        """The ConfigMap."""
        metadata: dict[str, Any] = {
            "name": record_name(self.name),
            "namespace": NAMESPACE,
            "labels": {
                STACK_LABEL: self.name,
                ENVIRONMENT_LABEL: "true",
                LIFECYCLE_LABEL: self.lifecycle,
                OWNER_LABEL: self.owner,
                **MARK,
            },
            "annotations": {
                f"{_PREFIX}id": self.id,
                f"{_PREFIX}template": self.template,
                f"{_PREFIX}engine": self.engine,
                f"{_PREFIX}state": self.state,
                f"{_PREFIX}created": written(self.created),
                f"{_PREFIX}expires": written(self.expires),
            },
        }
        if self.version:
            metadata["resourceVersion"] = self.version
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {
                _FILE: self.settings,
                "clusters": " ".join(self.clusters),
                "namespaces": " ".join(self.namespaces),
                "apps": str(self.apps),
            },
        }


def record_name(name: str) -> str:
    """Name of an environment's ConfigMap."""
    return f"slipway-environment-{name}"


def of(item: Manifest) -> Record:
    """A record from its ConfigMap.

    Raises:
        OpsError: Somebody changed it into something else.
    """
    labels, notes, data = labels_of(item), annotations_of(item), section(item, "data")
    where = f"ConfigMap {NAMESPACE}/{item['metadata']['name']}"
    try:
        name, engine = labels[STACK_LABEL], notes[f"{_PREFIX}engine"]
        _check(item, name, engine)
        record = Record(
            name=name,
            id=notes[f"{_PREFIX}id"],
            template=notes[f"{_PREFIX}template"],
            owner=labels[OWNER_LABEL],
            engine=cast("EngineName", engine),
            lifecycle=labels[LIFECYCLE_LABEL],
            state=notes[f"{_PREFIX}state"],
            created=read_moment(notes[f"{_PREFIX}created"]),
            expires=read_moment(notes[f"{_PREFIX}expires"]),
            settings=data[_FILE],
            clusters=tuple(data["clusters"].split()),
            namespaces=tuple(data["namespaces"].split()),
            apps=int(data["apps"]),
            version=item["metadata"].get("resourceVersion", ""),
        )
        record.document()
    except KeyError as error:
        raise OpsError(f"{where} is no record of an environment: it has no {error.args[0]}") from None
    except (OpsError, ValueError, yaml.YAMLError) as error:
        raise OpsError(f"{where} is no record of an environment: {str(error).splitlines()[0]}") from None
    return record


def _check(item: Manifest, name: str, engine: str) -> None:
    check_name(name)
    if engine not in TITLES or item["metadata"]["name"] != record_name(name):
        raise OpsError(f"name {name}, engine {engine}")


def find(kubectl: Kubectl, name: str) -> Record | None:
    """The record of an environment on a cluster, or None.

    Raises:
        OpsError: The cluster does not answer, or it is no record.
    """
    found = kubectl.get(["configmaps", record_name(name), "-n", NAMESPACE])
    ours = [item for item in found if labels_of(item).get(ENVIRONMENT_LABEL) == "true"]
    return of(ours[0]) if ours else None


def everyone(kubectl: Kubectl) -> tuple[list[Record], list[str]]:
    """Every record of a cluster, and what is wrong with those that are none.

    Raises:
        OpsError: The cluster does not answer.
    """
    found: list[Record] = []
    broken: list[str] = []
    for item in kubectl.get(["configmaps", "-n", NAMESPACE, "-l", _SELECTOR]):
        try:
            found.append(of(item))
        except OpsError as error:
            broken.append(f"cluster {kubectl.cluster}: {error}")
    return found, broken


def write(kubectl: Kubectl, record: Record) -> None:
    """Make or change a record; one that was changed by somebody else since it was read is not overwritten.

    Raises:
        RefusedError: It was made or changed meanwhile.
        OpsError: The cluster does not answer, or does not take it.
    """
    verb = "replace" if record.version else "create"
    try:
        kubectl.run([verb, "-f", "-"], stdin=json.dumps(record.manifest()))
    except CommandError as error:
        if any(sign in error.text for sign in ("AlreadyExists", "already exists", "Conflict", "has been modified")):
            raise RefusedError(
                f"environment {record.name} on cluster {kubectl.cluster} was changed by somebody else at the same "
                "time; run this again"
            ) from None
        raise


def update(kubectl: Kubectl, name: str, **changes: Any) -> Record | None:
    """Change fields of a record; None when it is not there any more.

    Raises:
        RefusedError: Somebody else changed it at the same time.
        OpsError: The cluster does not answer.
    """
    found = find(kubectl, name)
    if found is None:
        return None
    wanted = replace(found, **changes)
    if wanted != found:
        write(kubectl, wanted)
    return wanted
