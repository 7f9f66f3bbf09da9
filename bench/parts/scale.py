"""A thousand pods on nodes that kwok plays, in the embedded cluster's own control plane."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from bench.kwok import nodes
from bench.live import context, is_embedded, kubeconfig, kubectl, require_cluster
from bench.measure import BenchError, Row, alternate, environment, run, say
from bench.plan import PROJECT, SLIPWAY
from local import toolchain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.plan import Plan

STACK = "scale"
_REPLICAS = 5
_ROUNDS = 2
_TIMEOUT_S = 420


@dataclass(frozen=True)
class _Run:
    up: float
    down: float
    calls: float
    server: float
    ours: float


def run_part(plan: Plan) -> list[Row]:
    """Time of up and down, API calls per object and memory; nodes, pods and kwok are gone at the end."""
    require_cluster()
    program = toolchain.tool("kwok")
    folder = plan.folder("scale")
    workloads = plan.pods // _REPLICAS
    env = environment(
        {
            "SLIPWAY_PROJECT": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "PYTHONPATH": str(PROJECT),
            "BENCH_WORKLOADS": str(workloads),
            "BENCH_REPLICAS": str(_REPLICAS),
            "BENCH_CONTEXT": context(),
            "KUBECONFIG": str(kubeconfig()),
        }
    )
    objects = _write(folder, env)
    with nodes(program, folder):
        try:
            taken = alternate(
                {"slipway": lambda: _ours(env), "kubectl": lambda: _theirs(folder)},
                min(plan.rounds, _ROUNDS),
                f"{plan.pods} pods, {objects} objects",
            )
        finally:
            say("clean up")
            _clear(env)
    return _rows(plan, objects, taken["slipway"], taken["kubectl"])


def _rows(plan: Plan, objects: int, ours: list[_Run], theirs: list[_Run]) -> list[Row]:
    def row(what: str, unit: str, value: Callable[[_Run], float], note: str = "") -> Row:
        against = "`kubectl apply --server-side` and `wait`, `delete`"
        title = f"{plan.pods:,} pods, {objects:,} objects: {what}"
        return Row("scale", title, unit, [value(r) for r in ours], [value(r) for r in theirs], against, note=note)

    counted = (
        "every request that the API server served meanwhile, the controllers', the scheduler's and kwok's included"
    )
    return [
        row("up", "s", lambda r: r.up),
        row("down", "s", lambda r: r.down),
        row("API calls per object of up", "calls", lambda r: r.calls / objects, counted),
        row("memory of the API server after it", "MiB", lambda r: r.server, "the first run pays for both"),
        row("peak memory of the command", "MiB", lambda r: r.ours, "the largest of its processes"),
    ]


def _write(folder: Path, env: dict[str, str]) -> int:
    """The stack's files and its manifests for kubectl; returns the number of objects."""
    (folder / "Pulumi.yaml").write_bytes((PROJECT / "Pulumi.yaml").read_bytes())
    (folder / "__main__.py").write_text("from bench.programs.scale import program\n\nprogram()\n", encoding="utf-8")
    cluster = {"kind": "embedded"} if is_embedded() else {"kind": "existing", "context": context()}
    document = {"config": {"slipway:clusters": {"local": cluster}, "slipway:namespacePrefix": STACK}}
    (folder / f"Pulumi.{STACK}.yaml").write_text(json.dumps(document), encoding="utf-8")
    out = folder / "out"
    run([str(SLIPWAY), "render", "--stack", STACK, "--out", str(out)], env=env)
    files = sorted((out / "manifests").glob("*/*.yaml"))
    objects = [item for file in files for item in yaml.load_all(file.read_text(encoding="utf-8"), yaml.SafeLoader)]
    objects.sort(key=lambda item: item["kind"] != "Namespace")
    everything = {"apiVersion": "v1", "kind": "List", "items": objects}
    (folder / "all.json").write_text(json.dumps(everything), encoding="utf-8")
    return len(objects)


def _measured(up: Callable[[], float], down: Callable[[], object]) -> _Run:
    """Run both; `up` tells the peak memory of its command."""
    before = _served()
    started = time.monotonic()
    ours = up()
    took = time.monotonic() - started
    calls, server = _served() - before, _server()
    started = time.monotonic()
    down()
    gone = time.monotonic() - started
    _wait_gone()
    return _Run(took, gone, calls, server, ours)


def _ours(env: dict[str, str]) -> _Run:
    def command(*arguments: str) -> float:
        return run([str(SLIPWAY), *arguments, "--stack", STACK], env=env, timeout=_TIMEOUT_S).peak

    return _measured(lambda: command("up"), lambda: command("down"))


def _theirs(folder: Path) -> _Run:
    file = f"--filename={folder / 'all.json'}"
    label = f"slipway.dev/stack={STACK}"

    def up() -> float:
        applied = kubectl("apply", "--server-side", file)
        waited = kubectl(
            "wait", "--for=condition=Available", "deployments", "-A", "-l", label, f"--timeout={_TIMEOUT_S}s"
        )
        return max(applied.peak, waited.peak)

    return _measured(up, lambda: kubectl("delete", file, "--wait=true", "--ignore-not-found"))


def _server() -> float:
    return _metric("process_resident_memory_bytes") / 2**20


def _served() -> float:
    """Requests that the API server has served since it started."""
    return _metric("apiserver_request_total")


def _metric(name: str) -> float:
    text = kubectl("get", "--raw", "/metrics").output
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))


def _wait_gone() -> None:
    end = time.monotonic() + _TIMEOUT_S
    while kubectl("get", "namespaces", "-l", f"slipway.dev/stack={STACK}", "-o", "name").output.strip():
        if time.monotonic() > end:
            raise BenchError(f"namespaces of the stack {STACK} do not go")
        time.sleep(1)


def _clear(env: dict[str, str]) -> None:
    run([str(SLIPWAY), "down", "--stack", STACK], env=env, good=(0, 1), timeout=_TIMEOUT_S)
    kubectl("delete", "namespaces", "-l", f"slipway.dev/stack={STACK}", "--wait=true", "--ignore-not-found")
    _wait_gone()
