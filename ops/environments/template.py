"""From a stack file to the stack file of an environment: everything of its own, nothing that lasts."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from components.names import object_name
from local.settings import CONTEXT
from ops.environments.files import written
from ops.errors import RefusedError
from ops.render.result import Cluster
from ops.settings import settings_of
from stacks.plain_yaml import load_yaml
from stacks.settings import parse
from stacks.settings.app_base import StatelessApp
from stacks.settings.clusters import EmbeddedCluster, ExistingCluster
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from stacks.settings import Settings

_TOLD_PORTS = {("cotoami", "nodePort")}
"""Node ports that an app is told itself: Cotoami writes its address into mails."""


@dataclass(frozen=True)
class Template:
    """The stack that an environment is made from. `raw` has the file's top-level keys; `project` is the namespace of
    ours; `secrets_provider` encrypts secrets in Pulumi's backend (`awskms://…`), None if the file does not say."""

    name: str
    project: str
    source: str
    raw: Mapping[str, Any]
    settings: Settings
    apps: tuple[str, ...]
    secrets_provider: str | None = None

    @property
    def clusters(self) -> tuple[str, ...]:
        """Names of the clusters that those apps are on."""
        deployed = self.settings.apps.deployed()
        return tuple(sorted({deployed[name].cluster for name in self.apps}))

    def places(self) -> dict[str, Cluster]:
        """Those clusters, and how they are reached."""
        there = places(self.settings)
        return {name: there[name] for name in self.clusters if name in there}


def places(settings: Settings) -> dict[str, Cluster]:
    """The clusters of a stack that no cloud makes, and how they are reached."""
    found: dict[str, Cluster] = {}
    for name, cluster in settings.clusters.items():
        match cluster:
            case EmbeddedCluster():
                found[name] = Cluster(name, cluster.kind, CONTEXT, None, "", "")
            case ExistingCluster():
                found[name] = Cluster(name, cluster.kind, cluster.context, cluster.kubeconfig, "", "")
            case _:
                continue
    return found


def read_template(directory: Path, stack: str, wanted: Sequence[str], *, ephemeral: bool) -> Template:
    """Raises SettingsError where the template is wrong itself; RefusedError where it is an environment, has no such
    app, needs a cloud, holds encrypted values, or is durable and it was not said that an `ephemeral` one is meant."""
    config = read_stack_config(directory, stack)
    if not (directory / config.source).is_file():
        raise RefusedError(f"--from {stack}: is an environment itself; name the stack that it was made from")
    if config.secret_keys:
        raise RefusedError(
            f"--from {stack}: {config.source} holds encrypted values ({', '.join(config.secret_keys)}), which only "
            "that stack can read; take a template without them"
        )
    settings = settings_of(config)
    if settings.lifecycle == "durable" and not ephemeral:
        raise RefusedError(
            f"--from {stack}: is durable, and an environment is not: it is removed with its data when its time is "
            "over. If that is meant, say --ephemeral"
        )
    raw: dict[str, Any] = {}
    for key, text in config.values.items():
        namespace, _, short = key.partition(":")
        whole = namespace == config.project and short in ("clusters", "apps")
        raw[short if namespace == config.project else key] = json.loads(text) if whole else text
    provider = load_yaml(directory / config.source).get("secretsprovider")
    template = Template(
        stack,
        config.project,
        config.source,
        raw,
        settings,
        _apps(stack, settings, wanted),
        str(provider) if provider else None,
    )
    _refuse_clouds(template, everything=not wanted)
    return template


def _apps(stack: str, settings: Settings, wanted: Sequence[str]) -> tuple[str, ...]:
    there = tuple(settings.apps.deployed())
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise RefusedError(f"--app {unknown[0]}: is no app of stack {stack}; there is: {', '.join(there) or 'none'}")
    if not there:
        raise RefusedError(f"--from {stack}: has no apps, so there is nothing to make an environment of")
    return tuple(name for name in there if not wanted or name in wanted)


def _refuse_clouds(template: Template, *, everything: bool) -> None:
    settings = template.settings
    names = settings.clusters if everything else template.clusters
    there = places(settings)
    made = [f"{name} ({settings.clusters[name].kind})" for name in names if name not in there]
    if made or (everything and settings.clouds):
        raise RefusedError(
            f"--from {template.name}: has {', '.join(sorted(made)) or 'clouds'}, which the stack makes itself; "
            "environments are made on clusters that are there already. Take only apps of other clusters (--app), or a "
            "template whose cluster is of kind existing"
        )


def _without(mapping: dict[str, Any], path: str) -> None:
    """Take the value at a key path out."""
    *parents, last = path.split(".")
    current = mapping
    for key in parents:
        current = cast("dict[str, Any]", current.get(key) or {})
    current.pop(last, None)


def _host(name: str, host: str) -> str:
    """A host name of the environment's own, in the same domain: a wildcard record or certificate covers it too."""
    first, _, domain = host.partition(".")
    return f"{object_name(name, first)}.{domain}"


def derive(
    template: Template, name: str, owner: str, contexts: Mapping[str, str], port: Callable[[str, str, str], int]
) -> str:
    """The stack file of an environment; raises SettingsError where it would be wrong. Namespaces, and with them
    everything that is named after them, get the environment's name in front; so do host names. Kubernetes allots the
    node ports. Monitoring stays the cluster's: its agent holds a port of every node, so a second one could not run.
    `contexts` has for each cluster the kubeconfig context that is meant by the current one; `port` draws a node port,
    given app, setting and cluster."""
    settings = template.settings
    apps: dict[str, Any] = {}
    deployed = settings.apps.deployed()
    for app in template.apps:
        entry, parsed = copy.deepcopy(template.raw["apps"][app]), deployed[app]
        hosted = isinstance(parsed, StatelessApp) and parsed.host is not None
        for path in parsed.node_ports():
            _without(entry, path)
            if (app, path) in _TOLD_PORTS and not hosted:
                entry[path] = port(app, path, parsed.cluster)
        if isinstance(parsed, StatelessApp) and parsed.host:
            entry["host"] = _host(name, parsed.host)
        apps[app] = entry
    config: dict[str, Any] = {
        f"{template.project}:lifecycle": "ephemeral",
        f"{template.project}:owner": owner,
        f"{template.project}:namespacePrefix": name,
        f"{template.project}:clusters": _clusters(template, contexts, apps),
        f"{template.project}:apps": apps,
    }
    config |= {key: value for key, value in template.raw.items() if key.startswith("pulumi:")}
    values = {key: json.dumps(value) if isinstance(value, dict) else str(value) for key, value in config.items()}
    parse(values, project=template.project, source=f"environment {name} (from {template.source})", stack=name)
    provider = {"secretsprovider": template.secrets_provider} if template.secrets_provider else {}
    return written(name, template.name, {**provider, "config": config})


def _clusters(template: Template, contexts: Mapping[str, str], apps: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for cluster, there in template.places().items():
        entry = copy.deepcopy(template.raw["clusters"][cluster])
        for path in template.settings.clusters[cluster].node_ports():
            _without(entry, path)
        # Nobody knows the port of HTTPS yet that plain HTTP would lead to.
        ingress = template.settings.clusters[cluster].ingress
        if ingress and ingress.https:
            entry["ingress"]["https"]["redirect"] = False
        else:
            _without(entry, "ingress.https")
        entry.pop("monitoring", None)
        if not any(app.get("host") and app["cluster"] == cluster for app in apps.values()):
            entry.pop("ingress", None)
        # This cluster is meant from now on, whatever KUBE_CONTEXT or a kubeconfig says later.
        entry["kind"] = there.kind
        if there.kind == "existing":
            entry |= {"context": there.context or contexts[cluster]}
        if there.kubeconfig:
            entry["kubeconfig"] = there.kubeconfig
        found[cluster] = entry
    return found
