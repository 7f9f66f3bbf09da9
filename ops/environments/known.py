"""Environments as Pulumi's backend knows them: stacks of the project with tags."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pulumi.automation.errors import StackAlreadyExistsError, StackNotFoundError

from ops.environments.names import check_name, now, read_moment, written
from ops.errors import OpsError, RefusedError
from ops.kube import labels_of, section
from ops.live import LIFECYCLE_LABEL
from ops.pulumi import state
from ops.pulumi.backend import backend, of_project
from ops.pulumi.command import StoppableCommand
from ops.pulumi.session import one_message
from ops.render.result import Cluster
from stacks.plain_yaml import load_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ops.pulumi.backend import Backend
    from ops.pulumi.cli import Cli
    from ops.stack import Stack

ENVIRONMENT_TAG = "slipway:environment"
"""Tag that makes a stack an environment; its value is the stack that it was made from."""
OWNER_TAG, _CREATED_TAG, _EXPIRES_TAG = "slipway:owner", "slipway:created", "slipway:expires"
_CLUSTER = "slipway:clusters:ExistingCluster"
_NAMESPACE = "kubernetes:core/v1:Namespace"
_WORKLOADS = tuple(f"kubernetes:apps/v1:{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet"))
AT_ONCE = 3
"""How many environments are worked on at the same time: most of a removal is waiting for namespaces to end."""


@dataclass(frozen=True)
class Tags:
    """The tags of an environment."""

    name: str
    template: str
    owner: str
    created: datetime
    expires: datetime

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires <= now()


@dataclass(frozen=True)
class Made:
    """What Pulumi's state says that there is of an environment; `clusters` by their names in its stack file. `empty`:
    nothing stands, or may stand, on a cluster."""

    clusters: dict[str, Cluster] = field(default_factory=dict[str, Cluster])
    namespaces: tuple[str, ...] = ()
    apps: int = 0
    durable: bool = False
    empty: bool = True


def made(deployment: Mapping[str, Any]) -> Made:
    """Read an exported state."""
    resources = [entry for entry in state.resources(deployment) if not entry.get("delete")]
    objects = [entry for entry in resources if state.is_kubernetes(entry)]
    spaces = [section(entry, "inputs") for entry in objects if entry["type"] == _NAMESPACE]
    clusters = [section(entry, "outputs") for entry in resources if entry["type"] == _CLUSTER]
    return Made(
        clusters={
            str(out["name"]): Cluster(out["name"], out["kind"], out.get("context"), out.get("kubeconfig"), "", "")
            for out in clusters
            if "name" in out
        },
        namespaces=tuple(sorted(str(section(space, "metadata").get("name")) for space in spaces)),
        apps=sum(entry["type"] in _WORKLOADS for entry in objects),
        durable=any(entry.get("protect") for entry in objects)
        or any(labels_of(space).get(LIFECYCLE_LABEL) == "durable" for space in spaces),
        empty=not objects and not state.pending(deployment),
    )


class Known:
    """The environments of a project in Pulumi's backend; whatever asks it raises OpsError where it does not answer."""

    def __init__(self, cli: Cli, directory: Path) -> None:
        self.cli, self.directory = cli, directory

    @property
    def where(self) -> str:
        """The backend, for messages."""
        return self._backend.url.partition("?")[0] or "the one that you are logged in to"

    @cached_property
    def _backend(self) -> Backend:
        return of_project(self.directory, ENVIRONMENT_TAG)

    def _run(self, *arguments: str, backend: Backend | None = None) -> str:
        where = backend or self._backend
        command = StoppableCommand(self.cli, where.drop)
        return command.run(list(arguments), str(where.directory), dict(where.environment)).stdout

    def _of(self, name: str, *arguments: str) -> str:
        with one_message(self.cli, name):
            return self._run(*arguments, "--stack", name)

    def everyone(self) -> tuple[list[Tags], list[str]]:
        """The tags of every environment, by name, and what is wrong with those that cannot be read."""
        with one_message(self.cli, "of the project"):
            listed = json.loads(self._run("stack", "ls", "--json", "--tag", ENVIRONMENT_TAG))
        names = sorted(str(entry["name"]).rsplit("/", 1)[-1] for entry in listed)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(self._tags_or_problem, names))
        return [tags for tags in found if isinstance(tags, Tags)], [said for said in found if isinstance(said, str)]

    def _tags_or_problem(self, name: str) -> Tags | str | None:
        try:
            return self.tags(name)
        except OpsError as error:
            return str(error)

    def _asked(self, name: str, *arguments: str) -> Any:
        """What the CLI answers about a stack as JSON; None where the backend has no such stack."""
        with one_message(self.cli, name):
            try:
                return json.loads(self._run(*arguments, "--stack", name))
            except StackNotFoundError:
                return None

    def all_tags(self, name: str) -> dict[str, str] | None:
        """Every tag of a stack; None where the backend has no such stack."""
        return cast("dict[str, str] | None", self._asked(name, "stack", "tag", "ls", "--json"))

    def tags(self, name: str) -> Tags | None:
        """The tags of an environment; None where there is none. Raises OpsError where they cannot be read."""
        tags = self.all_tags(name)
        if tags is None or ENVIRONMENT_TAG not in tags:
            return None
        try:
            check_name(name)
            # A `create` that was killed may have set the first of them only, and has made nothing yet.
            moments = [read_moment(tags[tag]) if tag in tags else now() for tag in (_CREATED_TAG, _EXPIRES_TAG)]
        except OpsError as error:
            raise OpsError(f"the tags of stack {name} in Pulumi's backend are no environment's: {error}") from None
        return Tags(name, tags[ENVIRONMENT_TAG], tags.get(OWNER_TAG, "unknown"), moments[0], moments[1])

    def set(self, wanted: Tags, before: Mapping[str, str]) -> None:
        """Write what differs from `before`; raises OpsError where the backend has no such stack any more."""
        values = {
            ENVIRONMENT_TAG: wanted.template,
            _EXPIRES_TAG: written(wanted.expires),
            _CREATED_TAG: written(wanted.created),
            OWNER_TAG: wanted.owner,
        }
        for tag, value in values.items():
            if before.get(tag) != value:
                self._of(wanted.name, "stack", "tag", "set", tag, value)

    def extend(self, name: str, until: datetime) -> None:
        """Give an environment another end."""
        self._of(name, "stack", "tag", "set", _EXPIRES_TAG, written(until))

    def made(self, name: str) -> Made:
        """What the state says of a stack; nothing where there is none."""
        exported = cast("dict[str, Any] | None", self._asked(name, "stack", "export"))
        return made((exported or {}).get("deployment") or {})

    def was_up(self, name: str) -> bool:
        """Whether an `up` ended well, and no removal after it."""
        runs = cast("list[dict[str, Any]]", self._asked(name, "stack", "history", "--json") or [])
        done = [run["kind"] for run in runs if run["result"] == "succeeded" and run["kind"] in ("update", "destroy")]
        return done[:1] == ["update"]

    def settings(self, name: str) -> dict[str, Any]:
        """The settings of an environment's last deployment, as a stack file has them; RefusedError without one."""
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / f"Pulumi.{name}.yaml"
            try:
                self._of(name, "config", "refresh", "--force", "--config-file", str(file))
            except OpsError as error:
                if "no previous deployment" not in str(error):
                    raise
                raise RefusedError(
                    f"environment {name} was never up, so Pulumi's backend has no settings of it: `slipway env create "
                    f"{name}` goes on with it, `slipway env delete {name}` removes it"
                ) from None
            return load_yaml(file)

    def init(self, stack: Stack) -> None:
        """Make a stack in the backend; raises RefusedError where somebody else just did."""
        where = backend(stack)
        provider = ["--secrets-provider", where.secrets_provider] if where.secrets_provider else []
        with one_message(self.cli, stack.name):
            try:
                self._run("stack", "init", stack.name, "--no-select", *provider, backend=where)
            except StackAlreadyExistsError:
                raise RefusedError(
                    f"environment {stack.name} was begun by somebody else at the same time: see `slipway env list`"
                ) from None

    def remove_empty(self, name: str) -> None:
        """Remove a stack of which nothing stands from the backend; nothing happens where there is none."""
        if self.all_tags(name) is not None and self.made(name).empty:
            self._of(name, "stack", "rm", "--yes", "--force", "--remove-backups")
