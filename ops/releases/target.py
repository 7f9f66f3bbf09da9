"""The app that is released, as the program makes it with a given tag: rendered alone, so in a fraction of a second."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from ops.errors import EngineError, OpsError, RefusedError
from ops.kube import Key, entries
from ops.releases.tags import split
from ops.settings import settings_of
from ops.stack import Stack
from stacks.stack_file import read_stack_config, stack_file

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from ops.kube import Manifest
    from ops.render.result import App
    from stacks.stack_file import StackConfig

_WIDTH = 4096


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
    progress: Progress

    @property
    def path(self) -> str:
        """Key path of the setting, as messages name it."""
        return f"apps.{self.app}.{self.key}"

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

    def text_with(self, value: str) -> str:
        """Text of the stack file with another value of the setting; its comments, order and quotes stay."""
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = _WIDTH
        # As the project's files are indented.
        yaml.indent(mapping=2, sequence=4, offset=2)
        document: Any = yaml.load(self.file.read_text(encoding="utf-8"))  # pyright: ignore[reportUnknownMemberType] - untyped library
        current = document
        for key in ("config", f"{self.config.project}:apps", self.app):
            current = current.setdefault(key, {})
        old = current.get(self.key)
        # In quotes: `0123456` and `1e5` are tags, not numbers.
        current[self.key] = (type(old) if isinstance(old, ScalarString) else DoubleQuotedScalarString)(value)
        buffer = io.StringIO()
        yaml.dump(document, buffer)  # pyright: ignore[reportUnknownMemberType] - untyped library
        return buffer.getvalue()

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

        # An environment that was made elsewhere: Pulumi's backend has its settings.
        restore(directory, stack, progress)
    config = read_stack_config(directory, stack)
    settings = settings_of(config)
    apps = settings.apps.deployed()
    if app not in apps:
        raise OpsError(f"{config.source} has no app {app}; there are: {', '.join(apps) or 'none'}")
    found = apps[app]
    cluster = settings.clusters[found.cluster]
    value = str(found.model_dump(by_alias=True)[found.tag_key])
    registry = cast("Any", cluster).registry
    if found.tag_key != "revision" and not value.startswith(f"{registry}/"):
        raise RefusedError(
            f"{app}: its image {value} is somebody else's, and only own images, those of the registry {registry}, are "
            f"released by tag; change apps.{app}.{found.tag_key} in {config.source}"
        )
    return Releasable(directory, config, app, found.tag_key, value, found.cluster, progress)
