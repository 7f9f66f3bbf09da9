"""A stack of the benchmark itself on the embedded cluster: every system of dev, its namespaces and ports moved."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from bench.measure import BenchError, Sample, environment, run, say
from bench.plan import PROJECT, SLIPWAY, Skipped
from local import paths, toolchain
from local.cluster import EmbeddedCluster
from local.errors import LocalError
from ops.render.program import render
from stacks.environment import EMBEDDED_CONTEXT

if TYPE_CHECKING:
    from ops.render.result import Manifest

NAME = "bench"
CLUSTER = "local"
_PORT_SHIFT = 600
_GONE_SECONDS = 120


def context() -> str:
    """Context of the cluster that is measured: the one that KUBE_CONTEXT names, else the embedded one."""
    return os.environ.get("KUBE_CONTEXT") or EMBEDDED_CONTEXT


def is_embedded() -> bool:
    """Whether the embedded cluster is measured."""
    return context() == EMBEDDED_CONTEXT


def kubeconfig() -> Path:
    """Kubeconfig of the cluster that is measured."""
    given = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    return paths.KUBECONFIG if is_embedded() else Path(given)


def require_cluster(*, embedded: bool = False) -> None:
    """Have a cluster up, and kubectl there.

    Args:
        embedded: Whether it has to be the embedded one.

    Raises:
        Skipped: It cannot run on this machine; says why.
    """
    if not is_embedded():
        if embedded:
            raise Skipped(f"KUBE_CONTEXT names the cluster {context()}, and this part is about the embedded one")
        kubectl("get", "--raw", "/readyz")
        return
    try:
        if EmbeddedCluster().status().phase != "ready":
            say("start the embedded cluster")
            run([str(SLIPWAY), "local", "up"], timeout=3600)
        toolchain.tool("kubectl")
    except (LocalError, BenchError) as error:
        raise Skipped(str(error).splitlines()[0]) from None


def settings(document: dict[str, Any]) -> dict[str, Any]:
    """Settings of dev, moved out of the way of dev itself.

    Args:
        document: The content of `Pulumi.dev.yaml`.

    Returns:
        The same with a prefix before each namespace and other node ports.
    """
    moved = cast("dict[str, Any]", _moved(document))
    moved["config"]["slipway:namespacePrefix"] = NAME
    return moved


def _moved(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _moved(item, str(name)) for name, item in cast("dict[Any, Any]", value).items()}
    return value + _PORT_SHIFT if key.lower().endswith("nodeport") else value


@dataclass
class BenchStack:
    """The stack and the directory it is run from.

    Attributes:
        directory: Directory of Pulumi.yaml.
    """

    directory: Path
    _secrets: list[Manifest] = field(default_factory=list["Manifest"])

    @classmethod
    def make(cls, directory: Path, apps: tuple[str, ...] = ()) -> BenchStack:
        """Write its files; `apps` leaves out all others, and ingress and monitoring."""
        for file in ("Pulumi.yaml", "__main__.py"):
            (directory / file).write_bytes((PROJECT / file).read_bytes())
        document = yaml.safe_load((PROJECT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
        moved = settings(document)
        if apps:
            config = moved["config"]
            config["slipway:clusters"] = {CLUSTER: {"kind": "embedded"}}
            every = config["slipway:apps"]
            # A host name needs the ingress controller.
            config["slipway:apps"] = {
                name: {key: value for key, value in every[name].items() if key != "host"} for name in apps
            }
        (directory / f"Pulumi.{NAME}.yaml").write_text(yaml.safe_dump(moved, sort_keys=False))
        return cls(directory)

    def slipway(self, *arguments: str, timeout: float = 900) -> Sample:
        """Run a command of `slipway` on it."""
        env = environment({"SLIPWAY_PROJECT": str(self.directory), "XDG_DATA_HOME": str(self.directory / "data")})
        return run([str(SLIPWAY), *arguments, "--stack", NAME], env=env, timeout=timeout)

    def manifests(self) -> list[Manifest]:
        """Every object of the stack, namespaces first, Secrets filled: what a person would apply."""
        rendered = render(NAME, self.directory)
        objects = [item for items in rendered.manifests[CLUSTER].values() for item in items]
        wanted = rendered.secrets.get(CLUSTER, [])
        if not self._secrets:
            drawn = {name: secrets.token_hex(16) for secret in wanted for name in secret.stashes}
            self._secrets = [_filled(secret.manifest, drawn) for secret in wanted]
        return sorted([*self._secrets, *objects], key=lambda item: item["kind"] != "Namespace")

    def files(self) -> Path:
        """Directory of the rendered manifests, one file per namespace."""
        out = self.directory / "out"
        self.slipway("render", "--out", str(out))
        return out / "manifests" / CLUSTER

    def gone(self) -> None:
        """Wait until nothing of it is left, its volumes included.

        Raises:
            BenchError: Something stays.
        """
        end = time.monotonic() + _GONE_SECONDS
        while left := self._left():
            if time.monotonic() > end:
                raise BenchError(f"still there after {_GONE_SECONDS} s: {', '.join(left[:5])}")
            time.sleep(0.5)

    def _left(self) -> list[str]:
        label = f"slipway.dev/stack={NAME}"
        spaces = kubectl("get", "namespaces", "-l", label, "-o", "name").output.split()
        volumes = json.loads(kubectl("get", "persistentvolumes", "-o", "json").output)["items"]
        claims = [v["spec"].get("claimRef", {}).get("namespace", "") for v in volumes]
        return [*spaces, *(claim for claim in claims if claim.startswith(f"{NAME}-"))]


def _filled(secret: Manifest, values: dict[str, str]) -> Manifest:
    """A Secret with its references replaced."""
    text = json.dumps(secret)
    for name, value in values.items():
        text = text.replace(f"${{{name}.output}}", value)
    return json.loads(text)


def kubectl(*arguments: str, stdin: str | None = None, good: tuple[int, ...] = (0,), timeout: float = 600) -> Sample:
    """The pinned kubectl on the cluster that is measured."""
    access = [f"--kubeconfig={kubeconfig()}", f"--context={context()}"]
    command = [str(toolchain.tool("kubectl")), *access, *arguments]
    return run(command, stdin=stdin, good=good, timeout=timeout)
