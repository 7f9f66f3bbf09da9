"""The stacks that sweeping tests run over: every stack file, and variants of dev that switch on what dev leaves off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ops.render.program import PROJECT_DIR, record, render_config
from stacks.settings.apps import Apps
from stacks.stack_file import StackConfig, read_stack_config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ops.render.monitor import Record
    from ops.render.result import Rendered


def stack_names() -> list[str]:
    """Names of the stacks that have a file, in alphabetical order."""
    return sorted(path.name.split(".")[1] for path in PROJECT_DIR.glob("Pulumi.*.yaml"))


def changed(config: StackConfig, **changes: Any) -> StackConfig:
    """A configuration with keys of the project replaced; what is no text is passed as JSON, as the engine does."""
    values = dict(config.values)
    for key, value in changes.items():
        values[f"{config.project}:{key}"] = value if isinstance(value, str) else json.dumps(value)
    return replace(config, values=values)


def tree(config: StackConfig, key: str) -> dict[str, Any]:
    """One structured key of a configuration, as a fresh mapping."""
    return json.loads(config.values.get(f"{config.project}:{key}", "{}"))


def _few(config: StackConfig) -> StackConfig:
    """Dev with a few apps, among them one with a volume: enough for what a variant changes, and quickly rendered."""
    apps = tree(config, "apps")
    return changed(config, apps={name: apps[name] for name in ("h2o-example", "nginx", "todo") if name in apps})


def _durable(config: StackConfig) -> StackConfig:
    return changed(_few(config), lifecycle="durable", owner="somebody-else")


def _prefixed(config: StackConfig) -> StackConfig:
    return changed(_few(config), namespacePrefix="review-17")


def _scaled(config: StackConfig) -> StackConfig:
    apps = tree(_few(config), "apps")
    apps["h2o-example"] |= {"replicas": 1, "revision": "2f9a0c1", "serviceType": "NodePort"}
    apps["nginx"] = {
        **{key: value for key, value in apps["nginx"].items() if key != "replicas"},
        "autoscale": {"minReplicas": 2, "maxReplicas": 4, "cpuPercent": 60},
    }
    return changed(config, apps=apps)


def _everything(config: StackConfig) -> StackConfig:
    """Every app that there are settings for, by its defaults, behind ingress and monitoring."""
    apps: dict[str, dict[str, Any]] = {
        field.alias or name: {"cluster": "local"} for name, field in Apps.model_fields.items()
    }
    apps["http-debug-server"] |= {"host": "debug.example.com"}
    return changed(
        config,
        clusters={"local": {"kind": "embedded", "ingress": {"https": {"redirect": False}}, "monitoring": {}}},
        apps=apps,
    )


def _outward(config: StackConfig) -> StackConfig:
    """The same on a cluster without node address, images by digest, databases in the cluster as in production."""
    whole = _everything(config)
    apps = tree(whole, "apps")
    apps["cotoami"] |= {"shape": "production", "serviceType": "LoadBalancer", "mail": {"server": "smtp.example.com"}}
    apps["example-app"] |= {"mysqlHost": "mysql.example.com", "host": "example.example.com", "serviceType": "ClusterIP"}
    apps["guestbook"] |= {"slaves": 3, "serviceType": "LoadBalancer"}
    own = {"kind": "existing", "context": "c", "imageDigests": True}
    clusters = {
        "own": {**own, "ingress": {"replicas": 2, "https": {"secret": "own"}}, "monitoring": {"storage": "5Gi"}}
    }
    return changed(whole, clusters=clusters, apps={name: {**app, "cluster": "own"} for name, app in apps.items()})


def _growing(config: StackConfig) -> StackConfig:
    """Prod with an EKS cluster whose nodes scale."""
    clusters = tree(config, "clusters")
    clusters["staging"]["nodes"] |= {"minCount": 1, "maxCount": 5}
    return changed(config, clusters=clusters)


VARIANTS: dict[str, Callable[[StackConfig], StackConfig]] = {
    "dev+durable": _durable,
    "dev+prefix": _prefixed,
    "dev+scaled": _scaled,
    "everything": _everything,
    "outward": _outward,
    "prod+scaled": _growing,
}
"""Name to what it changes in dev, or in the stack before the `+`."""


def case_names() -> list[str]:
    """All cases: the stack files first."""
    return [*stack_names(), *VARIANTS]


@cache
def case(name: str) -> StackConfig:
    """The configuration of a case."""
    if name in VARIANTS:
        base = name.partition("+")[0]
        return VARIANTS[name](read_stack_config(PROJECT_DIR, base if base in stack_names() else "dev"))
    return read_stack_config(PROJECT_DIR, name)


@cache
def rendered(name: str) -> Rendered:
    """The render of a case; made once per test session."""
    return render_config(case(name))


@cache
def records(name: str) -> dict[str, Record]:
    """What a case registers, secrets still marked; made once per test session."""
    return record(case(name))


_SCRIPT = """
import json, pathlib, sys
from ops.render.files import write
from ops.render.program import render
write(render(sys.argv[1]), pathlib.Path(sys.argv[2]))
print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))
"""


@cache
def fresh_process(name: str, directory: Path) -> frozenset[str]:
    """Render a stack in an interpreter of its own, with another order of hashes, another time zone and directory."""
    environment = {**os.environ, "PYTHONHASHSEED": "4242", "TZ": "Asia/Tokyo", "PYTHONPATH": str(PROJECT_DIR)}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, name, str(directory)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        cwd=directory,
    )
    return frozenset(json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True)
class Resource:
    """One resource of a plan."""

    data: dict[str, Any]

    @property
    def urn(self) -> str:
        return self.data["urn"]

    @property
    def type(self) -> str:
        return self.data["type"]

    @property
    def name(self) -> str:
        return self.data["name"]

    @property
    def parent(self) -> str | None:
        return self.data["parent"]

    @property
    def provider(self) -> str | None:
        return self.data["provider"]

    @property
    def custom(self) -> bool:
        return self.data["custom"]

    @property
    def inputs(self) -> dict[str, Any]:
        return self.data["inputs"]

    @property
    def is_provider(self) -> bool:
        return self.type.startswith("pulumi:providers:")

    @property
    def is_kubernetes(self) -> bool:
        """Whether it is a Kubernetes object."""
        return self.type.startswith("kubernetes:") and "apiVersion" in self.inputs


def resources(name: str) -> list[Resource]:
    """The resources of a case's plan."""
    return [Resource(entry) for entry in rendered(name).plan["resources"]]
