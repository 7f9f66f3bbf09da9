"""The two sides of a comparison: a directory of renders, a git revision, or the working tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from ops.errors import OpsError
from ops.render.files import MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.compare.match import Entry

WORKING_TREE = "."
"""Names the project as it lies there."""
ERROR_FILE = "error.txt"
"""Says, in the place of a plan.json, why a stack could not be rendered."""
_RENDER_TIMEOUT_S = 300
_ERROR_LIMIT = 8_000
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT", "KUBE_CONTEXT")
"""All that a render is given of the environment: code under review must not see a credential."""
_START = "from ops.cli import main; main()"


@dataclass(frozen=True)
class Render:
    """One stack of one side: resources of its plan, manifests by path; or why it could not be rendered."""

    resources: list[Entry] = field(default_factory=list[dict[str, Any]])
    files: dict[str, str] = field(default_factory=dict[str, str])
    error: str | None = None


@dataclass(frozen=True)
class Side:
    label: str
    stacks: dict[str, Render]
    notes: tuple[str, ...] = ()


def read_side(wish: str, project: Path, stacks: Sequence[str] = ()) -> Side:
    """One side of a comparison, of some stacks or of all: a directory that `slipway render --out` wrote (of one stack,
    or with one such directory per stack), a git revision, or `.` for the working tree; OpsError if it is neither."""
    directory = Path(wish)
    if wish not in ("", WORKING_TREE) and directory.is_dir():
        side = _directory(directory)
    elif wish == WORKING_TREE:
        side = Side("the working tree", _render_all(project, stacks))
    else:
        side = _revision(wish, project, stacks)
    chosen = {name: render for name, render in side.stacks.items() if not stacks or name in stacks}
    return Side(side.label, chosen, side.notes)


def _directory(directory: Path) -> Side:
    places = [directory] if _is_render(directory) else sorted(p for p in directory.iterdir() if _is_render(p))
    if not places:
        raise OpsError(
            f"{directory} holds no render: neither plan.json nor directories with one; "
            f"write it with `slipway render --stack NAME --out {directory}/NAME`"
        )
    stacks: dict[str, Render] = {}
    for place in places:
        name, render = load(place)
        stacks[name or place.name] = render
    return Side(str(directory), stacks)


def _is_render(place: Path) -> bool:
    return (place / "plan.json").is_file() or (place / ERROR_FILE).is_file()


def load(place: Path) -> tuple[str, Render]:
    """The stack's name (empty where only an error is there) and its render; raises OpsError if its plan is no plan."""
    plan = place / "plan.json"
    if not plan.is_file():
        return "", Render(error=(place / ERROR_FILE).read_text(encoding="utf-8")[:_ERROR_LIMIT])
    try:
        content = cast("dict[str, Any]", json.loads(plan.read_text(encoding="utf-8")))
        name, resources = str(content["stack"]), cast("list[Entry]", content["resources"])
        for entry in resources:
            for key in ("urn", "type", "name", "custom", "parent", "provider", "protect", "options", "inputs"):
                entry[key]
    except (ValueError, KeyError, TypeError) as error:
        raise OpsError(f"{plan} is no plan that `slipway render` writes: {type(error).__name__} {error}") from None
    manifests = place / MANIFESTS
    files = {
        str(path.relative_to(place)): path.read_text(encoding="utf-8")
        for path in sorted(manifests.rglob("*"))
        if path.is_file()
    }
    return name, Render(resources, files)


def _git(project: Path, *arguments: str, output: IO[bytes] | None = None) -> str:
    command = ["git", "-C", str(project), *arguments]
    try:
        done = subprocess.run(command, stdout=output or subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError:
        raise OpsError("git is not on PATH; it is needed to compare revisions") from None
    if done.returncode:
        raise OpsError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
    return "" if output else done.stdout.decode(errors="replace").strip()


def _revision(wish: str, project: Path, stacks: Sequence[str]) -> Side:
    try:
        commit = _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wish}^{{commit}}")
    except OpsError:
        raise OpsError(
            f"{wish!r} is neither a directory nor a git revision of {project}; "
            "give a directory that `slipway render` wrote, a revision, or . for the working tree"
        ) from None
    with tempfile.TemporaryDirectory(prefix="slipway-compare-") as scratch:
        tree = Path(scratch) / "tree"
        with (Path(scratch) / "tree.tar").open("w+b") as archive:
            _git(project, "archive", "--format=tar", commit, output=archive)
            archive.seek(0)
            with tarfile.open(fileobj=archive) as content:
                content.extractall(tree, filter="data")
        lock = (project / "uv.lock", tree / "uv.lock")
        same = all(path.is_file() for path in lock) and lock[0].read_bytes() == lock[1].read_bytes()
        note = f"{commit[:12]} has another uv.lock; it was rendered with the packages that are installed"
        return Side(commit[:12], _render_all(tree, stacks), () if same else (note,))


def _render_all(tree: Path, wanted: Sequence[str]) -> dict[str, Render]:
    names = sorted(path.name[len("Pulumi.") : -len(".yaml")] for path in tree.glob("Pulumi.*.yaml"))
    chosen = [name for name in names if not wanted or name in wanted]
    with tempfile.TemporaryDirectory(prefix="slipway-render-") as scratch, ThreadPoolExecutor(2) as pool:
        places = [Path(scratch) / name for name in chosen]
        return dict(zip(chosen, pool.map(_render, [tree] * len(chosen), chosen, places), strict=True))


def _render(tree: Path, stack: str, place: Path) -> Render:
    """Render a stack with the code of its own tree, in a process of its own that is given no credential."""
    place.mkdir(parents=True)
    home = place / "home"
    home.mkdir()
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {"HOME": str(home), "PYTHONPATH": str(tree), "SLIPWAY_PROJECT": str(tree), "PYTHONNOUSERSITE": "1"}
    out = place / "out"
    command = [sys.executable, "-c", _START, "render", "--stack", stack, "--out", str(out)]
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=_RENDER_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Render(error=f"rendering took longer than {_RENDER_TIMEOUT_S} seconds")
    if done.returncode:
        said = done.stderr.strip().replace(str(tree), "").replace(str(place), "")
        return Render(error=(said or f"the render ended with exit code {done.returncode}")[-_ERROR_LIMIT:])
    return load(out)[1]
