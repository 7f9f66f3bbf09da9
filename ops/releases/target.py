"""The app that is released, as the program makes it with a given tag: rendered alone, so in a fraction of a second."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from ops.errors import EngineError, OpsError, RefusedError
from ops.kube import Key, entries
from ops.pulumi.backend import with_secrets_of
from ops.releases.file import with_text
from ops.releases.tags import split
from ops.settings import settings_of
from ops.stack import Stack
from stacks.stack_file import read_stack_config, stack_file

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from ops.kube import Manifest
    from ops.render import App
    from stacks.settings.app_base import AppBase
    from stacks.settings.clusters import ClusterSettings
    from stacks.stack_file import StackConfig


@dataclass(frozen=True)
class Target:
    """An app with one tag; `value` is what its setting says then, the tag or a whole image reference. `stack` is
    rendered with this app alone, `parts` are its workloads that carry the tag."""

    app: str
    tag: str
    value: str
    cluster: str
    stack: Stack
    parts: tuple[App, ...]

    @property
    def images(self) -> list[str]:
        """Image references with the tag."""
        return list(dict.fromkeys(part.image for part in self.parts))

    def keys(self) -> dict[Key, App]:
        """The workloads' keys."""
        return {Key("apps", part.kind, part.namespace, part.object): part for part in self.parts}

    def workloads(self) -> dict[str, Manifest]:
        """The workloads' manifests by URN."""
        from ops.urls import objects_by_resource

        wanted = self.keys()
        plan = self.stack.rendered.plan
        keys = {name: key for name, key in objects_by_resource(plan).items() if key in wanted}
        manifests = {Key.of(item): item for item in self.stack.manifests(self.cluster)}
        resources = cast("list[dict[str, Any]]", plan["resources"])
        return {
            str(entry["urn"]): manifests[keys[entry["name"]]]
            for entry in resources
            if entry["custom"] and entry["name"] in keys
        }

    def container_port(self, part: App) -> int:
        """The container port behind the first port of a part's Service; raises OpsError without one."""
        there = {Key.of(item): item for item in self.stack.manifests(self.cluster)}
        service = there.get(Key("", "Service", part.namespace, part.service or ""))
        if service is None:
            raise OpsError(f"{part.name} has no Service whose port could be asked")
        workload = there[Key("apps", part.kind, part.namespace, part.object)]
        wanted = entries(service, "spec", "ports")[0].get("targetPort")
        ports = [p for c in entries(workload, "spec", "template", "spec", "containers") for p in entries(c, "ports")]
        return next(int(p["containerPort"]) for p in ports if wanted in (p.get("name"), p["containerPort"]))


@dataclass(frozen=True)
class Releasable:
    """An app whose image is our own; `key`, below the app, has the tag, `value` is what it says, by default too."""

    directory: Path
    config: StackConfig
    app: str
    key: str
    value: str
    cluster: str
    cluster_settings: ClusterSettings
    progress: Progress

    @property
    def path(self) -> str:
        """Key path of the setting, as messages name it."""
        return f"apps.{self.app}.{self.key}"

    @property
    def keys(self) -> list[str]:
        """Where the setting is in the stack file."""
        return ["config", f"{self.config.project}:apps", self.app, self.key]

    @property
    def file(self) -> Path:
        return stack_file(self.directory, self.config.stack)

    @property
    def tag(self) -> str:
        """The tag that the settings say now."""
        return split(self.value)[1]

    def value_for(self, tag: str) -> str:
        """What the setting says with another tag."""
        if self.key == "revision":
            return tag
        return f"{split(self.value)[0]}:{tag}"

    def target(self, tag: str) -> Target:
        """The app with a tag; raises SettingsError where the settings are wrong with it."""
        from ops.render.program import render_config

        value = self.value_for(tag)
        rendered = render_config(self._alone(value), self.directory)
        registry = rendered.clusters[self.cluster].registry
        parts = tuple(
            part
            for part in rendered.apps
            if self.app in (part.name, part.part_of)
            and part.image.startswith(f"{registry}/")
            and part.image.endswith(f":{tag}")
        )
        odd = [part.name for part in parts if part.kind != "Deployment"]
        if not parts or odd:
            raise EngineError(
                f"{self.app}: no Deployment carries the tag {tag} ({', '.join(odd) or 'no workload does'})"
            )
        stack = Stack(self.config.stack, self.directory, rendered, self.progress)
        return Target(self.app, tag, value, self.cluster, stack, parts)

    def file_with(self, target: Target, work: str) -> str:
        """Text of the whole stack's file with the target's tag; `work` is the text of the file that Pulumi works with,
        whose keys about secrets count."""
        return with_secrets_of(with_text(self.file.read_text(encoding="utf-8"), self.keys, target.value), work)

    def _alone(self, value: str) -> StackConfig:
        """Without the other apps and without what no workload of this one depends on."""
        config = self.config
        names = {key: f"{config.project}:{key}" for key in ("apps", "clusters")}
        given: dict[str, Any] = json.loads(config.values[names["apps"]])[self.app] or {}
        app = {**given, self.key: value}
        clusters: dict[str, dict[str, Any]] = json.loads(config.values[names["clusters"]])
        dropped = ("monitoring",) if "host" in app else ("monitoring", "ingress")
        slim = {name: {k: v for k, v in entry.items() if k not in dropped} for name, entry in clusters.items()}
        values = {names["apps"]: json.dumps({self.app: app}), names["clusters"]: json.dumps(slim)}
        return replace(config, values={**config.values, **values})


def find(directory: Path, stack: str, app: str, progress: Progress) -> Releasable:
    """The app to release, or SettingsError, OpsError where there is none, RefusedError if its image is not ours."""
    if not stack_file(directory, stack).is_file():
        from ops.environments.files import restore

        # An environment that was made elsewhere: its settings are on its cluster.
        restore(directory, stack, progress)
    config = read_stack_config(directory, stack)
    settings = settings_of(config)
    apps = settings.apps.deployed()
    if app not in apps:
        raise OpsError(f"{config.source} has no app {app}; there are: {', '.join(apps) or 'none'}")
    found = apps[app]
    cluster = settings.clusters[found.cluster]
    value = _value(found)
    registry = cast("Any", cluster).registry
    if found.tag_key != "revision" and not value.startswith(f"{registry}/"):
        raise RefusedError(
            f"{app}: its image {value} is somebody else's, and only own images, those of the registry {registry}, are "
            f"released by tag; change apps.{app}.{found.tag_key} in {config.source}"
        )
    return Releasable(directory, config, app, found.tag_key, value, found.cluster, cluster, progress)


def _value(app: AppBase) -> str:
    fields = type(app).model_fields
    name = next(name for name, field in fields.items() if app.tag_key in (name, field.alias))
    return str(getattr(app, name))
