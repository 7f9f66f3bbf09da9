"""Arrows of import point down only: no two of the project's modules need each other, type-only imports included."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("bench", "components", "local", "ops", "policies", "stacks")
LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("components.model", ("components.workload", "components.platform", "components.systems", "components.clusters")),
    ("components.workload", ("components.platform", "components.systems", "components.clusters")),
    ("components.foundation", ("components.workload", "components.platform", "components.systems")),
    ("components.platform", ("components.systems", "components.clusters")),
    ("components", ("stacks", "ops", "local")),
    ("stacks", ("ops",)),
)
"""A package, and those above it, which it never imports."""


def modules() -> dict[str, Path]:
    """Every module of the project's own packages, by its dotted name."""
    paths = [path for package in PACKAGES for path in (PROJECT_DIR / package).rglob("*.py")]
    names = (".".join(path.relative_to(PROJECT_DIR).with_suffix("").parts).removesuffix(".__init__") for path in paths)
    return dict(zip(names, paths, strict=True))


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The project's modules that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names = [m if (m := f"{node.module}.{alias.name}") in known else str(node.module) for alias in node.names]
        else:
            continue
        yield from (name for name in names if name in known)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: set(imports(path, known)) for name, path in known.items()}


def test_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        # In order of names, so that the same circle is told each time.
        TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).prepare()
    except CycleError as error:
        pytest.fail("circle of imports: " + " <- ".join(error.args[1]))


@pytest.mark.parametrize(("lower", "upper"), LAYERS)
def test_arrows_point_down(graph: dict[str, set[str]], lower: str, upper: tuple[str, ...]) -> None:
    def within(name: str, packages: tuple[str, ...]) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in packages)

    up = {f"{name} -> {target}" for name in graph if within(name, (lower,)) for target in graph[name]}
    assert not [arrow for arrow in sorted(up) if within(arrow.partition(" -> ")[2], upper)]
