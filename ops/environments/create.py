"""Making an environment."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from local.errors import LocalError
from ops import access
from ops.environments.files import file_of, forget
from ops.environments.known import ENVIRONMENT_TAG, OWNER_TAG, Tags
from ops.environments.names import check_name, now, refuse_stack
from ops.environments.template import derive, read_template
from ops.errors import BusyError, EngineError, OpsError, RefusedError
from ops.files import replace as replace_file
from ops.kube import entries, labels_of
from ops.live import STACK_LABEL, selector
from ops.pulumi.lock import locked
from ops.pulumi.up import up
from ops.stack import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from local.progress import Progress
    from ops.environments.known import Known
    from ops.environments.template import Template
    from ops.kube import Kubectl
    from ops.pulumi.results import Outcome

# Kubernetes allots node ports from the upper part of the range first and leaves the lower one to those who choose
# (https://kubernetes.io/docs/concepts/services-networking/service/#avoid-nodeport-collisions); stack files do.
_PORTS = range(30200, 32768)


@dataclass(frozen=True)
class Wish:
    """What was asked for: no `apps` means all; `ephemeral` that a durable template is meant all the same; `update` that
    one that is there already is brought up to date."""

    name: str
    template: str
    ttl: timedelta
    owner: str
    apps: tuple[str, ...] = ()
    ephemeral: bool = False
    update: bool = False


def create(wish: Wish, known: Known, progress: Progress, timeout: float) -> tuple[Tags, Outcome]:
    """Make an environment and bring it up; one whose making was interrupted is gone on with. Raises SettingsError where
    the template or what comes of it is wrong, LocalError where an image or a program cannot be had, OpsError with what
    is left of the environment."""
    check_name(wish.name)
    refuse_stack(known.directory, wish.name)
    template = read_template(known.directory, wish.template, wish.apps, ephemeral=wish.ephemeral)
    clusters = {name: access.kubectl(place, progress) for name, place in template.places().items()}
    with locked(known.directory, wish.name, "env create"):
        return _Making(wish, known, template, clusters, progress).run(timeout)


class _Making:
    """The making of one environment, while it is held."""

    def __init__(
        self, wish: Wish, known: Known, template: Template, clusters: Mapping[str, Kubectl], progress: Progress
    ) -> None:
        self._wish, self._known, self._template = wish, known, template
        self._clusters, self._progress = clusters, progress

    def run(self, timeout: float) -> tuple[Tags, Outcome]:
        wish, directory = self._wish, self._known.directory
        before = self._known.all_tags(wish.name)
        there = self._known.tags(wish.name) if before else None
        first = there is None or not self._known.was_up(wish.name)
        self._refuse(there, first=first, untagged=before is not None and there is None)
        wanted = Tags(wish.name, self._template.name, wish.owner, now(), now() + wish.ttl)
        if there is not None:
            owner = (before or {}).get(OWNER_TAG, wish.owner)
            wanted = replace(wanted, owner=owner, created=there.created)
        text = derive(self._template, wish.name, wanted.owner, self._contexts(), self._port)
        replace_file(file_of(directory, wish.name), text)
        try:
            stack = load(wish.name, self._progress)
            if before is None:
                self._known.init(stack)
        except BaseException:
            if before is None:
                forget(directory, wish.name)
            raise
        self._known.set(wanted, before or {})
        try:
            return wanted, up(self._known.cli, stack, timeout, message=f"environment from {self._template.name}")
        except (OpsError, LocalError) as error:
            if not first or isinstance(error, BusyError):
                raise
            raise EngineError(f"{error}\n{self._left()}") from None

    def _refuse(self, there: Tags | None, *, first: bool, untagged: bool) -> None:
        name = self._wish.name
        made = self._known.made(name) if there is not None or untagged else None
        # A `create` that was killed at once: its file is here already, its tags are not.
        if untagged and made and not (made.empty and file_of(self._known.directory, name).is_file()):
            raise RefusedError(
                f"environment {name}: Pulumi's backend has a stack of that name already, without the tag "
                f"{ENVIRONMENT_TAG}; choose another name"
            )
        if there is None:
            for kubectl in self._clusters.values():
                spaces = kubectl.get(["namespaces", "-l", selector(name)])
                if spaces:
                    raise RefusedError(
                        f"environment {name}: cluster {kubectl.cluster} has a stack of that name already, with the "
                        f"namespace {spaces[0]['metadata']['name']}; choose another name"
                    )
            return
        if made and made.durable:
            raise RefusedError(
                f"environment {name} has been made durable; it is changed by `slipway up --stack {name}`"
            )
        if not first and not self._wish.update:
            raise RefusedError(
                f"environment {name} is there already (from {there.template}, of {there.owner}): bring it up to date "
                f"with --update, give it more time with `slipway env extend {name}`, or remove it with "
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
        """A node port that no other stack holds; the same one each time, as long as it is free."""
        kubectl, name = self._clusters[cluster], self._wish.name
        held = {
            int(port["nodePort"])
            for service in kubectl.get(["services", "-A"])
            for port in entries(service, "spec", "ports")
            if port.get("nodePort") and labels_of(service).get(STACK_LABEL) != name
        }
        first = zlib.crc32(f"{name} {app} {setting}".encode())
        for offset in range(len(_PORTS)):
            port = _PORTS[(first + offset) % len(_PORTS)]
            if port not in held:
                return port
        raise RefusedError(f"cluster {kubectl.cluster} has no node port left for {app}")

    def _left(self) -> str:
        """What is left of one whose first `up` failed, once nothing at all of it is taken away."""
        name = self._wish.name
        try:
            if self._known.made(name).empty:
                self._known.remove_empty(name)
                forget(self._known.directory, name)
                return f"environment {name} was not made; nothing of it is left"
        except OpsError as error:
            self._progress.note(str(error))
        return (
            f"environment {name} is not complete: `slipway env create {name}` goes on with it, "
            f"`slipway env delete {name}` removes it"
        )
