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
from ops.load import load
from ops.pulumi.lock import locked
from ops.pulumi.up import up

if TYPE_CHECKING:
    from datetime import timedelta

    from local.progress import Progress
    from ops.environments.known import Known
    from ops.environments.template import Template
    from ops.pulumi.results import Outcome

# Kubernetes allots node ports from the upper part of the range first and leaves the lower one to those who choose
# (https://kubernetes.io/docs/concepts/services-networking/service/#avoid-nodeport-collisions); stack files do.
_PORTS = range(30200, 32768)


@dataclass
class Creation:
    """What was asked for: no `apps` means all; `ephemeral` that a durable template is meant all the same; `update` that
    one that is there already is brought up to date."""

    known: Known
    progress: Progress
    name: str
    template: str
    ttl: timedelta
    owner: str
    apps: tuple[str, ...] = ()
    ephemeral: bool = False
    update: bool = False

    def run(self, timeout: float) -> tuple[Tags, Outcome]:
        """Make an environment and bring it up; one whose making was interrupted is gone on with. Raises SettingsError
        where the template or what comes of it is wrong, LocalError where an image or a program cannot be had, OpsError
        with what is left of the environment."""
        directory = self.known.directory
        check_name(self.name)
        refuse_stack(directory, self.name)
        template = read_template(directory, self.template, self.apps, ephemeral=self.ephemeral)
        self._clusters = {name: access.kubectl(place, self.progress) for name, place in template.places().items()}
        with locked(directory, self.name, "env create"):
            return self._run(template, timeout)

    def _run(self, template: Template, timeout: float) -> tuple[Tags, Outcome]:
        name, directory = self.name, self.known.directory
        before = self.known.all_tags(name)
        there = self.known.tags(name) if before else None
        first = there is None or not self.known.was_up(name)
        self._refuse(there, first=first, untagged=before is not None and there is None)
        wanted = Tags(name, template.name, self.owner, now(), now() + self.ttl)
        if there is not None:
            owner = (before or {}).get(OWNER_TAG, self.owner)
            wanted = replace(wanted, owner=owner, created=there.created)
        text = derive(template, name, wanted.owner, self._contexts(), self._port)
        replace_file(file_of(directory, name), text)
        try:
            stack = load(name, self.progress)
            if before is None:
                self.known.init(stack)
        except BaseException:
            if before is None:
                forget(directory, name)
            raise
        self.known.set(wanted, before or {})
        try:
            return wanted, up(self.known.cli, stack, timeout, message=f"environment from {template.name}")
        except (OpsError, LocalError) as error:
            if not first or isinstance(error, BusyError):
                raise
            raise EngineError(f"{error}\n{self._left()}") from None

    def _refuse(self, there: Tags | None, *, first: bool, untagged: bool) -> None:
        name = self.name
        made = self.known.made(name) if there is not None or untagged else None
        # A `create` that was killed at once: its file is here already, its tags are not.
        if untagged and made and not (made.empty and file_of(self.known.directory, name).is_file()):
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
        if not first and not self.update:
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
        kubectl, name = self._clusters[cluster], self.name
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
        name = self.name
        try:
            if self.known.made(name).empty:
                self.known.remove_empty(name)
                forget(self.known.directory, name)
                return f"environment {name} was not made; nothing of it is left"
        except OpsError as error:
            self.progress.note(str(error))
        return (
            f"environment {name} is not complete: `slipway env create {name}` goes on with it, "
            f"`slipway env delete {name}` removes it"
        )
