"""Pictures: all that the plan says is in them, and those in the documentation are what the command makes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from ops.graph.picture import Node, Picture, picture
from ops.graph.plan import Plan
from ops.graph.write import to_mermaid, to_svg

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Slipway = Callable[..., Result]

ROOT = Path(__file__).resolve().parents[3]
KEPT = {"dev": ROOT / "docs" / "architecture.md", "prod": ROOT / "docs" / "pull-requests.md"}
STACKS = tuple(KEPT)
ECHO = "#!/bin/sh\necho '<svg/>'\nexec cat\n"
"""Stands in for Graphviz' `dot`: says what it is given."""


def plan_file(stack: str) -> Path:
    return ROOT / "tests" / "golden" / stack / "plan.json"


def content(stack: str) -> dict[str, Any]:
    return json.loads(plan_file(stack).read_text(encoding="utf-8"))


@pytest.fixture
def dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `dot` on PATH, before any other."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(ECHO, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


@pytest.mark.parametrize("stack", STACKS)
def test_the_pictures_in_the_documentation_are_what_the_command_makes(stack: str, slipway: Slipway) -> None:
    result = slipway("graph", "--plan", str(plan_file(stack)))
    assert result.exit_code == 0
    kept = KEPT[stack].read_text(encoding="utf-8")
    block = re.compile(rf'(?<=```mermaid\n)---\ntitle: "stack {stack} .*?(?=```\n)', re.DOTALL)
    assert len(block.findall(kept)) == 1
    if os.environ.get("SLIPWAY_UPDATE_GOLDEN"):
        kept = block.sub(lambda _: result.stdout, kept)
        KEPT[stack].write_text(kept, encoding="utf-8")
    assert block.findall(kept) == [result.stdout], "the picture is old; SLIPWAY_UPDATE_GOLDEN=1 writes it anew"


@pytest.mark.parametrize("stack", STACKS)
def test_the_order_of_a_plan_does_not_matter(stack: str) -> None:
    plan = content(stack)
    other = {**plan, "resources": list(reversed(plan["resources"]))}
    assert picture(plan) == picture(other)
    assert list(picture(plan).edges) == list(picture(other).edges)


@pytest.mark.parametrize("stack", STACKS)
def test_every_workload_and_every_edge_of_the_plan_is_drawn(stack: str) -> None:
    plan, drawn = Plan(content(stack)["resources"]), picture(content(stack))
    assert {workload.name for workload in plan.workloads} <= {node.key for node in drawn.nodes}
    edges = set(drawn.edges)
    beyond = {(a, d) for a, b in edges for c, d in edges if b == c}
    wanted = {(source.name, end.name) for source, end, _ in plan.connections() if not isinstance(end, str)}
    assert wanted
    assert wanted <= edges | beyond


def test_what_is_reached_from_outside_says_how() -> None:
    entries = {node.key: node.entries for node in picture(content("dev")).nodes}
    assert entries["nginx"] == ("load balancer :80", "node port 30081")
    assert entries["guestbook-frontend"] == ("node port 30085",)
    assert entries["http-debug-server"] == ("debug.example.com",)
    assert entries["cotoami-postgres"] == ()


def test_prod_shows_clouds_clusters_and_databases() -> None:
    drawn = picture(content("prod"))
    nodes = {node.key: node for node in drawn.nodes}
    tokyo = ("tokyo · AWS ap-northeast-1",)
    assert {node.where[0] for node in drawn.nodes} == {*tokyo, "asia · Google Cloud asia-east1"}
    assert nodes["cotoami"].where == (*tokyo, "staging · EKS", "cotoami")
    assert {nodes[key].where for key in ("postgres-database", "state-bucket", "k8s-delegated-zone")} == {tokyo}
    assert drawn.edges["cotoami", "postgres-database"] == ":5432"
    assert drawn.edges["mysql-service", "mysql-database"] == ":3306"
    assert drawn.edges["cotoami", "staging/cotoami/smtp"] == ":587"
    assert nodes["nginx"].lines[0].endswith("2 to 4")


def test_every_resource_of_the_foundation_is_counted() -> None:
    plan = Plan(content("prod")["resources"])
    lines = [
        line for node in picture(content("prod")).nodes if node.kind in ("platform", "database") for line in node.lines
    ]
    components = [
        entry
        for entry in plan.components("slipway:foundation:", "slipway:clusters:")
        if entry["type"].rpartition(":")[2] not in ("AwsAccount", "GcpProject", "EksCluster", "GkeCluster")
    ]
    counted = sum(int(match[1]) for line in lines if (match := re.search(r": (\d+)$", line)))
    assert counted == sum(e["custom"] for component in components for e in plan.below(component["urn"]))


@pytest.mark.parametrize("stack", STACKS)
def test_mermaid_names_each_node_once_and_links_only_those(stack: str) -> None:
    drawn = picture(content(stack))
    lines = [line.strip() for line in to_mermaid(drawn).splitlines()]
    assert lines[3] == "flowchart LR"
    nodes = [m[1] for line in lines if (m := re.match(r"(n_\w+)[\[({]", line))]
    opened = [m[1] for line in lines if (m := re.match(r"subgraph (\w+)\[", line))]
    assert len({*nodes, *opened}) == len(nodes) + len(opened)
    assert len(nodes) == len(drawn.nodes)
    assert len(opened) == lines.count("end") == lines.count("direction LR")
    links = [m for line in lines if (m := re.fullmatch(r"(n_\w+) -->(?:\|[^|]+\|)? (n_\w+)", line))]
    assert len(links) == len(drawn.edges)
    assert {end for link in links for end in link.groups()} <= set(nodes)
    kinds = {m[1] for line in lines if (m := re.search(r":::(\w+)$", line))}
    styled = {m[1] for line in lines if (m := re.match(r"classDef (\w+) ", line))}
    assert kinds | {"box"} == styled
    (boxes,) = [m[1] for line in lines if (m := re.fullmatch(r"class (\S+) box", line))]
    assert sorted(boxes.split(",")) == sorted(opened)


@pytest.mark.usefixtures("dot")
def test_names_cannot_break_out() -> None:
    hostile = '"]; click x "javascript:alert(1)" <script>|&'
    drawn = Picture(f"t {hostile}", (Node((hostile,), hostile, hostile, (hostile,), entries=(hostile,)),), {})
    lines = to_mermaid(drawn).splitlines()
    assert yaml.safe_load(lines[1]) == {"title": f"t {hostile}"}
    for line in [line for line in lines if ":::" in line or "subgraph" in line]:
        assert line.count('"') == 2
        assert "<script>" not in line
    labels = re.findall(r"label=<(.*?)>(?:, style=.*\])?$", to_svg(drawn), re.MULTILINE)
    texts = [ET.fromstring(f"<label>{label}</label>").itertext() for label in labels]  # noqa: S314 - what we wrote
    assert ["".join(text) for text in texts] == [f"t {hostile}", hostile, f"{hostile}{hostile}→ {hostile}"]


@pytest.mark.usefixtures("dot")
def test_svg_is_what_graphviz_makes_of_the_plan(tmp_path: Path, slipway: Slipway) -> None:
    made = tmp_path / "new" / "dev.svg"
    assert slipway("graph", "--plan", str(plan_file("dev")), "--out", str(made)).exit_code == 0
    given = made.read_text(encoding="utf-8")
    assert given.startswith("<svg/>\ndigraph {")
    assert slipway("graph", "--plan", str(plan_file("dev")), "--svg").stdout == given
    drawn = picture(content("dev"))
    assert all(f"{json.dumps(node.key)} [label=<<b>{node.title}</b>" in given for node in drawn.nodes)
    assert all(f'"{a}" -> "{b}" [label="{label}"]' in given for (a, b), label in drawn.edges.items())


def test_graphviz_that_fails_or_is_not_there_is_told(
    dot: Path, slipway: Slipway, monkeypatch: pytest.MonkeyPatch
) -> None:
    dot.write_text("#!/bin/sh\necho no fonts >&2\nexit 3\n", encoding="utf-8")
    result = slipway("graph", "--plan", str(plan_file("dev")), "--svg")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot draw the picture: no fonts" in result.stderr
    monkeypatch.setenv("PATH", str(dot.parent.parent))
    result = slipway("graph", "--plan", str(plan_file("dev")), "--svg")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "needs Graphviz's `dot` on PATH" in result.stderr


def test_the_command_renders_a_stack(project: Path, slipway: Slipway) -> None:
    result = slipway("graph")
    assert result.exit_code == 0
    assert "h2o-example" in result.stdout
    found = json.loads(slipway("graph", "--json").stdout)
    assert [node["title"] for node in found["nodes"]] == ["h2o-example"]
    assert project.is_dir()


@pytest.mark.parametrize("wrong", ["nowhere.json", "pyproject.toml"])
def test_a_file_that_is_no_plan_is_told(slipway: Slipway, wrong: str) -> None:
    result = slipway("graph", "--plan", wrong)
    assert result.exit_code == 1
    assert f"{wrong} cannot be read as a plan" in result.stderr
