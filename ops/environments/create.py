"""Making an environment."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from local.errors import LocalError
from ops import access
from ops.engines.removal import remove_home
from ops.environments import record as records
from ops.environments.files import forget, keep
from ops.environments.names import check_name, now, refuse_stack
from ops.environments.record import CREATING, READY, Record
from ops.environments.template import derive, read_template
from ops.environments.turn import turn
from ops.errors import EngineError, OpsError, RefusedError
from ops.kube import Key, entries
from ops.live import inventory, selector
from ops.stack import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from local.progress import Progress
    from ops.engines.base import Engine, Outcome
    from ops.environments.template import Template
    from ops.kube import Kubectl
    from ops.stack import Stack

# Kubernetes allots node ports from the upper part of the range first and leaves the lower one to those who choose
# (https://kubernetes.io/docs/concepts/services-networking/service/#avoid-nodeport-collisions); stack files do.
_DRAWN_PORTS = range(30200, 32768)


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        name: Name of the environment.
        template: Stack that it is made from.
        ttl: How long it may live.
        owner: Who answers for it.
        apps: Apps to take over; none: all.
        ephemeral: Whether a durable template is meant all the same.
        update: Whether one that is there already is brought up to date.
    """

    name: str
    template: str
    ttl: timedelta
    owner: str
    apps: tuple[str, ...] = ()
    ephemeral: bool = False
    update: bool = False


@dataclass(frozen=True)
class Created:
    """An environment that is up.

    Attributes:
        record: Its record.
        stack: Its stack.
        outcome: What the engine did.
    """

    record: Record
    stack: Stack
    outcome: Outcome


def create(
    wish: Wish,
    directory: Path,
    choose: Callable[[str | None], Engine],
    progress: Progress,
    timeout: float,
) -> Created:
    """Make an environment and bring it up; one whose making was interrupted is gone on with.

    Args:
        wish: What was asked for.
        directory: Directory of Pulumi.yaml.
        choose: Makes the engine, given the one that the environment has already.
        progress: Where to report.
        timeout: Seconds to wait until it is ready.

    Raises:
        SettingsError: The template, or what comes of it, is wrong.
        OpsError: It is refused, or could not be made; says what is left of it.
        LocalError: An image or a program could not be had.
    """
    check_name(wish.name)
    refuse_stack(directory, wish.name)
    template = read_template(directory, wish.template, wish.apps, ephemeral=wish.ephemeral)
    clusters = {name: access.kubectl(place, progress) for name, place in template.sites().items()}
    try:
        with turn(wish.name, clusters.values(), "env create", make_home=True):
            making = _Making(wish, directory, template, clusters, progress)
            return making.run(choose, timeout)
    except BaseException:
        for kubectl in clusters.values():
            _remove_home_quietly(kubectl)
        raise


def _remove_home_quietly(kubectl: Kubectl) -> None:
    """Take our own namespace away if nobody needs it; the error that is being told matters more than this one's."""
    try:
        remove_home(kubectl)
    except OpsError:
        return


class _Making:
    """The making of one environment, while it is held."""

    def __init__(
        self, wish: Wish, directory: Path, template: Template, clusters: Mapping[str, Kubectl], progress: Progress
    ) -> None:
        self._wish, self._directory, self._template = wish, directory, template
        self._clusters, self._progress = clusters, progress
        self._known = {name: found for name, k in clusters.items() if (found := records.find(k, wish.name)) is not None}

    def run(self, choose: Callable[[str | None], Engine], timeout: float) -> Created:
        wish = self._wish
        known = next(iter(self._known.values()), None)
        self._refuse(known)
        engine = choose(known.engine if known else None)
        owner = known.owner if known and known.state == READY else wish.owner
        text = derive(self._template, wish.name, owner, self._contexts(), self._port)
        keep(self._directory, wish.name, text)
        try:
            stack = load(wish.name, self._progress)
            self._write(stack, engine, text, owner, known)
        except BaseException:
            if known is None and not self._anything():
                forget(self._directory, wish.name)
            raise
        outcome = self._up(stack, engine, timeout, first=known is None or known.state == CREATING)
        return Created(self._ready(), stack, outcome)

    def _refuse(self, known: Record | None) -> None:
        name = self._wish.name
        if known is None:
            for kubectl in self._clusters.values():
                spaces = kubectl.get(["namespaces", "-l", selector(name)])
                if spaces:
                    raise RefusedError(
                        f"environment {name}: cluster {kubectl.cluster} has a stack of that name already, with the "
                        f"namespace {spaces[0]['metadata']['name']}; choose another name"
                    )
            return
        if known.lifecycle == "durable":
            raise RefusedError(
                f"environment {name} has been made durable; it is changed by `slipway up --stack {name}`"
            )
        if known.state == READY and not self._wish.update:
            raise RefusedError(
                f"environment {name} is there already (from {known.template}, of {known.owner}): bring it up to date "
                f"with --update, give it more time with `slipway env extend {name}`, or remove it with "
                f"`slipway env delete {name}`"
            )
        made = {cluster for record in self._known.values() for cluster in record.clusters}
        if made != set(self._clusters) or len({record.id for record in self._known.values()}) > 1:
            raise RefusedError(
                f"environment {name} was begun on other clusters ({', '.join(sorted(made))}); remove it first with "
                f"`slipway env delete {name}`"
            )

    def _contexts(self) -> dict[str, str]:
        """The contexts that are meant by clusters which name none."""
        found: dict[str, str] = {}
        for name, kubectl in self._clusters.items():
            if kubectl.access.context is None:
                found[name] = kubectl.run(["config", "current-context"]).strip()
        return found

    def _port(self, app: str, setting: str, cluster: str) -> int:
        """A node port: the one that the environment has already, else one that nobody holds or has asked for."""
        for record in self._known.values():
            kept = _values(record.document(), f":apps.{app}.{setting}")
            if kept:
                return kept[0]
        kubectl = self._clusters[cluster]
        held = {
            int(port["nodePort"])
            for service in kubectl.get(["services", "-A"])
            for port in entries(service, "spec", "ports")
            if port.get("nodePort")
        }
        wanted = {port for other in records.everyone(kubectl)[0] for port in _ports(other.document())}
        files = [yaml.safe_load(file.read_bytes()) for file in self._directory.glob("Pulumi.*.yaml")]
        wanted |= {port for document in files for port in _ports(document)}
        free = sorted(set(_DRAWN_PORTS) - held - wanted)
        if not free:
            raise RefusedError(f"cluster {kubectl.cluster} has no node port left for {app}")
        return random.SystemRandom().choice(free)

    def _write(self, stack: Stack, engine: Engine, text: str, owner: str, known: Record | None) -> None:
        moment = now()
        fresh = known is None or known.state == CREATING
        ways: dict[str, list[str]] = {}
        for name, kubectl in self._clusters.items():
            ways.setdefault(str(kubectl.access), []).append(name)
        identity = known.id if known else uuid.uuid4().hex
        for names in ways.values():
            before = self._known.get(names[0])
            wanted = Record(
                name=self._wish.name,
                id=identity,
                template=self._template.name,
                owner=owner,
                engine=engine.name,
                lifecycle="ephemeral",
                state=CREATING if fresh else READY,
                created=moment if fresh or known is None else known.created,
                expires=moment + self._wish.ttl,
                settings=text,
                clusters=tuple(names),
                namespaces=tuple(sorted({space for name in names for space in stack.namespaces(name)})),
                apps=sum(len(stack.apps(name)) for name in names),
                version=before.version if before else "",
            )
            records.write(self._clusters[names[0]], wanted)

    def _up(self, stack: Stack, engine: Engine, timeout: float, *, first: bool) -> Outcome:
        name = self._wish.name
        try:
            return engine.up(stack, timeout)
        except (OpsError, LocalError) as error:
            if not first:
                raise
            if not self._anything():
                for kubectl in self._clusters.values():
                    kubectl.delete([_key(name)], wait=True)
                forget(self._directory, name)
                raise EngineError(f"{error}\nenvironment {name} was not made; nothing of it is left") from None
            raise EngineError(
                f"{error}\nenvironment {name} is not complete: `slipway env create {name}` goes on with it, "
                f"`slipway env delete {name}` removes it"
            ) from None

    def _anything(self) -> bool:
        """Whether the clusters hold more of it than its record; True where one does not answer."""
        record = _key(self._wish.name)
        try:
            return any(set(inventory(k, self._wish.name).objects) - {record} for k in self._clusters.values())
        except OpsError:
            return True

    def _ready(self) -> Record:
        updated = [records.update(kubectl, self._wish.name, state=READY) for kubectl in self._clusters.values()]
        found = next((record for record in updated if record is not None), None)
        if found is None:
            raise RefusedError(f"environment {self._wish.name} was removed by somebody else while it was made")
        return found


def _key(name: str) -> Key:
    return Key("", "ConfigMap", records.NAMESPACE, records.record_name(name))


def _walk(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a document with its key path."""
    if isinstance(value, dict):
        for key, entry in cast("dict[Any, object]", value).items():
            yield from _walk(entry, f"{path}.{key}")
    else:
        yield path, value


def _ports(document: object) -> list[int]:
    """The fixed node ports of a stack file."""
    return [v for path, v in _walk(document) if isinstance(v, int) and path.lower().endswith("nodeport")]


def _values(document: object, end: str) -> Sequence[int]:
    return [value for path, value in _walk(document) if isinstance(value, int) and path.endswith(end)]
