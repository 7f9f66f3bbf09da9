"""up, up without changes, release and down of a whole stack, beside kubectl on the same manifests."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING

from bench.live import CLUSTER, NAME, BenchStack, kubectl, require_cluster
from bench.measure import Row, alternate, run, say
from local import paths, toolchain
from ops.images import ensure_images
from ops.output import progress
from ops.render.program import render
from ops.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bench.plan import Plan
    from ops.render.result import Manifest

AIMS = {"up": 1.00, "nothing": 1.20, "release": 1.15, "down": 1.10}
_APP, _NAMESPACE, _IMAGE = "h2o-example", f"{NAME}-h2o", "localhost:5000/h2o"
_TAG = "1"
_WAIT = "--timeout=300s"


def run_part(plan: Plan) -> list[Row]:
    """Times of a stack's life; what it made is removed at the end, whatever happens."""
    require_cluster(embedded=True)
    stack = BenchStack.make(plan.folder("stack"), plan.apps)
    say("build and push the images that the stack needs")
    ensure_images(Stack(NAME, stack.directory, render(NAME, stack.directory), progress(quiet=True)), CLUSTER)
    # A new one for each release, as in life.
    tags = [f"bench-{number}" for number in range(plan.rounds)]
    _tag(tags)
    try:
        _clear(stack)
        rows = [*_life(plan, stack), *_standing(plan, stack, tags)]
    finally:
        say("clean up")
        _clear(stack)
        _untag(tags)
    return rows


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _life(plan: Plan, stack: BenchStack) -> list[Row]:
    """From nothing to all ready, and back."""
    objects = stack.manifests()
    file = stack.directory / "all.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")

    def ours() -> tuple[float, float]:
        up, down = _timed(lambda: stack.slipway("up")), _timed(lambda: stack.slipway("down"))
        stack.gone()
        return up, down

    def theirs() -> tuple[float, float]:
        up = _timed(lambda: _apply(file, objects))
        down = _timed(lambda: kubectl("delete", "-f", str(file), "--wait=true", "--ignore-not-found"))
        stack.gone()
        return up, down

    say("once without being counted: images come onto the node")
    _apply(file, objects)
    kubectl("delete", "-f", str(file), "--wait=true", "--ignore-not-found")
    stack.gone()
    taken = alternate({"slipway": ours, "kubectl": theirs}, plan.rounds, "up and down")
    up, down = (
        ([found[index] for found in taken["slipway"]], [found[index] for found in taken["kubectl"]]) for index in (0, 1)
    )
    count = f"{len(objects)} objects"
    return [
        Row("stack", "up from nothing", "s", *up, "`kubectl apply --server-side` and `wait`", AIMS["up"], count),
        Row("stack", "down", "s", *down, "`kubectl delete --wait`", AIMS["down"], count),
    ]


def _apply(file: Path, objects: Iterable[Manifest]) -> None:
    kubectl("apply", "--server-side", "-f", str(file))
    label = f"slipway.dev/stack={NAME}"
    kubectl("wait", "--for=condition=Available", "deployments", "-A", "-l", label, _WAIT)
    for item in objects:
        if item["kind"] in ("StatefulSet", "DaemonSet"):
            meta = item["metadata"]
            kubectl("rollout", "status", f"{item['kind'].lower()}/{meta['name']}", "-n", meta["namespace"], _WAIT)


def _standing(plan: Plan, stack: BenchStack, tags: list[str]) -> list[Row]:
    """What is done to a stack that stands: nothing, and a release."""
    stack.slipway("up")
    diff = ["diff", "--server-side", "--force-conflicts", "-f", str(stack.files())]
    nothing = alternate(
        {
            "slipway": lambda: _timed(lambda: stack.slipway("up")),
            "kubectl": lambda: _timed(lambda: kubectl(*diff, good=(0, 1))),
        },
        plan.rounds,
        "up without changes",
    )
    wanted = iter(tags)
    release = alternate(
        {
            "slipway": lambda: _timed(lambda: stack.slipway("release", _APP, "--image-tag", next(wanted))),
            "kubectl": lambda: _timed(_set_image),
        },
        plan.rounds,
        "release of one app",
    )
    return [
        Row(
            "stack",
            "up without changes",
            "s",
            nothing["slipway"],
            nothing["kubectl"],
            "`kubectl diff --server-side`",
            AIMS["nothing"],
            "ours renders the program first; kubectl is given the rendered files",
        ),
        Row(
            "stack",
            "release of one app",
            "s",
            release["slipway"],
            release["kubectl"],
            "`kubectl set image` and `rollout status`",
            AIMS["release"],
            "ours also asks the registry for the tag, sends the smoke request and writes state and history",
        ),
    ]


def _set_image() -> None:
    kubectl("set", "image", f"deployment/{_APP}", f"*={_IMAGE}:{_TAG}", "-n", _NAMESPACE)
    kubectl("rollout", "status", f"deployment/{_APP}", "-n", _NAMESPACE, _WAIT)


def _tag(tags: list[str]) -> None:
    for tag in tags:
        run([str(toolchain.tool("crane")), "copy", f"{_IMAGE}:{_TAG}", f"{_IMAGE}:{tag}"])


def _untag(tags: list[str]) -> None:
    """Take tags out of the registry's storage: over HTTP only the image itself could be deleted, with all its tags."""
    name = _IMAGE.partition("/")[2]
    for tag in tags:
        for folder in paths.registry_storage().glob(f"**/repositories/{name}/_manifests/tags/{tag}"):
            shutil.rmtree(folder)


def _clear(stack: BenchStack) -> None:
    label = f"slipway.dev/stack={NAME}"
    stack.slipway("down")
    kubectl("delete", "namespaces", "-l", label, "--wait=true", "--ignore-not-found")
    cluster_wide = "clusterroles,clusterrolebindings,ingressclasses,priorityclasses,persistentvolumes"
    kubectl("delete", cluster_wide, "-l", label, "--ignore-not-found")
    stack.gone()
