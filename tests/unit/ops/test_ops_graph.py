"""Pictures: all that the plan says is in them, nothing overlaps, the committed ones are what the command makes."""

from __future__ import annotations

import json
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.graph import LEVELS, picture, to_mermaid, to_svg
from ops.graph.layout import Place, lay_out_picture
from ops.graph.model import Edge, Group, Node, Picture
from ops.graph.plan import Plan
from ops.graph.text import TITLE, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    Slipway = Callable[..., Result]

ROOT = Path(__file__).resolve().parents[3]
STACKS = ("dev", "prod")
SVG = "{http://www.w3.org/2000/svg}"
COMMITTED = [(stack, ending) for stack in STACKS for ending in ("svg", "mmd")]


def content(stack: str) -> dict[str, Any]:
    return json.loads((ROOT / "tests" / "golden" / stack / "plan.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("stack", "ending"), COMMITTED)
def test_the_committed_pictures_are_what_the_command_makes(
    stack: str, ending: str, tmp_path: Path, slipway: Slipway
) -> None:
    made = tmp_path / f"{stack}.{ending}"
    plan = ROOT / "tests" / "golden" / stack / "plan.json"
    result = slipway("graph", "--plan", str(plan), "--out", str(made))
    assert result.exit_code == 0
    kept = ROOT / "docs" / "images" / made.name
    if os.environ.get("SLIPWAY_UPDATE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(made.read_bytes())
    assert kept.read_bytes() == made.read_bytes(), "the picture is old; SLIPWAY_UPDATE_GOLDEN=1 writes it anew"


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("level", LEVELS)
def test_the_order_of_a_plan_does_not_matter(stack: str, level: str) -> None:
    plan = content(stack)
    other = {**plan, "resources": list(reversed(plan["resources"]))}
    assert to_svg(picture(plan, level)) == to_svg(picture(other, level))
    assert to_mermaid(picture(plan, level)) == to_mermaid(picture(other, level))


@pytest.mark.parametrize("stack", STACKS)
def test_every_workload_and_every_edge_of_the_plan_is_drawn(stack: str) -> None:
    plan, drawn = Plan(stack, content(stack)["resources"]), picture(content(stack))
    nodes = {node.key: node for node in drawn.root.everything()}
    assert {workload.name for workload in plan.workloads} <= set(nodes)
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    beyond = {(a, d) for a, b in edges for c, d in edges if b == c}
    wanted = {(c.source.name, c.target.name) for c in plan.connections() if c.target is not None}
    assert wanted
    assert wanted <= edges | beyond


def test_the_edges_of_dev_are_those_that_its_policies_open() -> None:
    found = {(edge.source, edge.target): edge.label for edge in picture(content("dev")).edges}
    assert found == {
        ("cotoami", "cotoami-maildev"): ":1025",
        ("cotoami", "cotoami-postgres"): ":5432",
        ("cotoami", "cotoami-redis-master"): ":6379",
        ("example-app", "mysql-service"): "",
        ("mysql-service", "example-app-mariadb"): ":3306",
        ("guestbook-frontend", "guestbook-redis-master"): ":6379",
        ("guestbook-frontend", "guestbook-redis-slave"): ":6379",
        ("guestbook-redis-slave", "guestbook-redis-master"): ":6379",
        ("local-grafana", "local-prometheus"): ":9090",
        ("local-prometheus", "local-traefik"): ":8080",
        ("local-traefik", "http-debug-server"): ":3000",
        ("local-traefik", "local-default-backend"): ":8080",
        ("todo-web-server", "griddb-server"): ":20001",
        ("todo-web-server", "todo-auth"): ":2828",
    }


def test_what_is_reached_from_outside_says_how() -> None:
    nodes = {node.key: node.entries for node in picture(content("dev")).root.everything()}
    assert nodes["nginx"] == ("load balancer :80", "node port 30081")
    assert nodes["guestbook-frontend"] == ("node port 30085",)
    assert nodes["http-debug-server"] == ("debug.example.com",)
    assert nodes["cotoami-postgres"] == ()


def test_prod_shows_clouds_clusters_and_databases() -> None:
    drawn = picture(content("prod"))
    clouds = {group.title: group for group in drawn.root.groups}
    assert {name: group.note for name, group in clouds.items()} == {
        "tokyo": "AWS ap-northeast-1",
        "asia": "Google Cloud asia-east1",
    }
    assert [group.title for group in clouds["tokyo"].groups] == ["staging"]
    assert {node.title for node in clouds["tokyo"].nodes} >= {"postgres-database", "state-bucket", "k8s-delegated-zone"}
    edges = {(edge.source, edge.target): edge.label for edge in drawn.edges}
    assert edges["cotoami", "postgres-database"] == ":5432"
    assert edges["mysql-service", "mysql-database"] == ":3306"
    assert any(target.endswith("/smtp") for _, target in edges)
    autoscaled = next(node for node in drawn.root.everything() if node.key == "nginx")
    assert autoscaled.lines[0].endswith("2 to 4")


def test_every_resource_of_the_foundation_is_counted() -> None:
    counted = 0
    plan = Plan("prod", content("prod")["resources"])
    for node in picture(content("prod")).root.everything():
        if node.kind in ("platform", "database"):
            counted += sum(int(n) for line in node.lines for n in re.findall(r"(?:^|: )(\d+)(?: resources?)?$", line))
    components = [
        entry
        for entry in plan.components("slipway:foundation:", "slipway:clusters:")
        if entry["type"].rpartition(":")[2] not in ("AwsAccount", "GcpProject", "EksCluster", "GkeCluster")
    ]
    assert counted == sum(e["custom"] for component in components for e in plan.below(component["urn"]))


@pytest.mark.parametrize("stack", STACKS)
def test_systems_are_namespaces_with_the_edges_between_them(stack: str) -> None:
    drawn = picture(content(stack), "systems")
    boxes = [node for node in drawn.root.everything() if node.kind == "system"]
    plan = Plan(stack, content(stack)["resources"])
    assert len(boxes) == len({(workload.cluster, workload.namespace) for workload in plan.workloads})
    assert len(drawn.edges) < len(picture(content(stack)).edges)
    if stack == "dev":
        assert Edge("local/ingress", "local/http-debug", ":3000") in drawn.edges


# Geometry.


def boxes(group: Group, places: dict[str, Place]) -> Iterator[tuple[Place, list[Place]]]:
    children = [places[child.key] for child in (*group.groups, *group.nodes)]
    if group.key in places:
        yield places[group.key], children
    for child in group.groups:
        yield from boxes(child, places)


def overlap(a: Place, b: Place) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height


def bend(start: float, end: float, t: float) -> float:
    """Height of the curve that is drawn between two heights, at a share of its way."""
    return start * (1 - t) ** 3 + start * 3 * t * (1 - t) ** 2 + end * 3 * t**2 * (1 - t) + end * t**3


def points(path: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Points along the line as it is drawn."""
    for (x, y), (to_x, to_y) in pairwise(path):
        for step in range(21):
            t = step / 20
            middle = (x + to_x) / 2
            yield x * (1 - t) ** 3 + 3 * middle * t * (1 - t) + to_x * t**3, bend(y, to_y, t)


def check_geometry(drawn: Picture) -> None:
    sheet = lay_out_picture(drawn)
    nodes = list(drawn.root.everything())
    assert {node.key for node in nodes} <= set(sheet.places)
    for outer, children in boxes(drawn.root, sheet.places):
        for child in children:
            assert outer.x <= child.x
            assert outer.y < child.y
            assert child.x + child.width <= outer.x + outer.width + 0.01
            assert child.y + child.height <= outer.y + outer.height + 0.01
    every = [sheet.places[node.key] for node in nodes]
    assert not [1 for i, a in enumerate(every) for b in every[:i] if overlap(a, b)]
    for group in groups(drawn.root):
        inner = [sheet.places[child.key] for child in group.groups]
        assert not [1 for i, a in enumerate(inner) for b in inner[:i] if overlap(a, b)]
    assert set(sheet.paths) == set(range(len(drawn.edges)))
    for number, edge in enumerate(drawn.edges):
        path = sheet.paths[number]
        ends = {(edge.source, path[0]), (edge.target, path[-1])}
        if path[0][0] > path[-1][0] or not touches(sheet.places[edge.source], path[0]):
            ends = {(edge.source, path[-1]), (edge.target, path[0])}
        for key, point in ends:
            assert touches(sheet.places[key], point), (edge, key)
        assert all(a[0] <= b[0] + 0.01 for a, b in pairwise(path)), edge
        for node in nodes:
            place = sheet.places[node.key]
            if node.key not in (edge.source, edge.target):
                inside = [
                    p
                    for p in points(path)
                    if place.x < p[0] < place.x + place.width and place.y < p[1] < place.y + place.height
                ]
                assert not inside, (edge, node.key)


def touches(place: Place, point: tuple[float, float]) -> bool:
    at_side = min(abs(point[0] - place.x), abs(point[0] - place.x - place.width)) < 0.01
    return at_side and place.y <= point[1] <= place.y + place.height


def groups(group: Group) -> Iterator[Group]:
    yield group
    for child in group.groups:
        yield from groups(child)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_overlaps_and_no_line_runs_through_a_box(stack: str, level: str) -> None:
    check_geometry(picture(content(stack), level))


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Up to three clusters with up to four namespaces of up to four workloads, and any edges."""
    root = Group("stack", "s", kind="stack")
    keys: list[str] = []

    def fill(group: Group, count: int) -> None:
        for index in range(count):
            key = f"{group.key}/n{index}"
            keys.append(key)
            group.nodes.append(Node(key, "n" * draw(st.integers(1, 20)), ("line",) * draw(st.integers(0, 3))))

    for c in range(draw(st.integers(1, 3))):
        cluster = Group(f"c{c}", f"c{c}", kind="cluster")
        root.groups.append(cluster)
        fill(cluster, draw(st.integers(0, 2)))
        for n in range(draw(st.integers(0, 4))):
            namespace = Group(f"c{c}/s{n}", f"s{n}")
            cluster.groups.append(namespace)
            fill(namespace, draw(st.integers(1, 4)))
    fill(root, draw(st.integers(0, 2)))
    if len(keys) > 1:
        pairs = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=14))
    else:
        pairs = []
    edges = {Edge(a, b, draw(st.sampled_from(("", ":80", ":10001")))) for a, b in pairs if a != b}
    return Picture("t", "n", root, tuple(sorted(edges)))


@settings(max_examples=int(os.environ.get("SLIPWAY_EXAMPLES", "150")), deadline=None)
@given(pictures())
def test_any_picture_is_laid_out_without_overlaps(drawn: Picture) -> None:
    check_geometry(drawn)
    assert to_svg(drawn) == to_svg(drawn)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("level", LEVELS)
def test_the_svg_is_well_formed_and_stands_alone(stack: str, level: str) -> None:
    text = to_svg(picture(content(stack), level))
    root = ET.fromstring(text)  # noqa: S314 - what the tested code wrote
    assert not re.search(r"(?:href|src|url)\s*[=(]\s*[\"']?https?:", text)
    assert "<script" not in text
    wide, high = float(root.get("width", "0")), float(root.get("height", "0"))
    for shape in root.iter(f"{SVG}rect"):
        assert float(shape.get("x", "0")) + float(shape.get("width", "0")) <= wide
        assert float(shape.get("y", "0")) + float(shape.get("height", "0")) <= high


def test_titles_fit_into_their_boxes() -> None:
    for stack in STACKS:
        drawn = picture(content(stack))
        sheet = lay_out_picture(drawn)
        for node in drawn.root.everything():
            assert width(node.title, TITLE, bold=True) + 33 <= sheet.places[node.key].width


# Mermaid and the command.


@pytest.mark.parametrize("stack", STACKS)
def test_mermaid_names_each_node_once_and_links_only_those(stack: str) -> None:
    lines = [line.strip() for line in to_mermaid(picture(content(stack))).splitlines()]
    assert lines[3] == "flowchart LR"
    nodes = [m[1] for line in lines if (m := re.match(r"(n_\w+)[\[({]", line))]
    opened = [m[1] for line in lines if (m := re.match(r"subgraph (n_\w+)\[", line))]
    assert len({*nodes, *opened}) == len(nodes) + len(opened)
    assert len(opened) == lines.count("end")
    links = [m for line in lines if (m := re.fullmatch(r"(n_\w+) -->(?:\|[^|]+\|)? (n_\w+)", line))]
    assert len(links) == len(picture(content(stack)).edges)
    assert {end for link in links for end in link.groups()} <= set(nodes)
    kinds = {m[1] for line in lines if (m := re.search(r":::(\w+)$", line))}
    styled = {m[1] for line in lines if (m := re.match(r"classDef (\w+) ", line))}
    assert kinds == styled


def test_names_cannot_break_out_of_mermaid_or_svg() -> None:
    hostile = '"]; click x "javascript:alert(1)" <script>|&'
    drawn = Picture("t", hostile, Group("g", "g", nodes=[Node(hostile, hostile, (hostile,), entries=(hostile,))]), ())
    ET.fromstring(to_svg(drawn))  # noqa: S314 - what the tested code wrote
    assert "<script>" not in to_svg(drawn)
    lines = to_mermaid(drawn).splitlines()
    assert yaml.safe_load(lines[1]) == {"title": f"t ({hostile})"}
    (line,) = [line for line in lines if ":::" in line]
    assert line.count('"') == 2
    assert "<script>" not in line


def test_the_command_renders_a_stack(project: Path, slipway: Slipway) -> None:
    result = slipway("graph")
    assert result.exit_code == 0
    assert "h2o-example" in result.stdout
    assert slipway("graph", "--format", "svg").stdout.startswith("<svg ")
    found = json.loads(slipway("graph", "--json").stdout)
    assert [node["title"] for node in found["nodes"]] == ["h2o-example"]
    assert project.is_dir()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--format", "png"), "--format is 'png'; it must be one of: mermaid, svg"),
        (("--level", "all"), "--level is 'all'"),
        (("--plan", "nowhere.json"), "nowhere.json cannot be read as a plan"),
        (("--plan", "pyproject.toml"), "cannot be read as a plan"),
    ],
)
def test_wrong_wishes_are_told(slipway: Slipway, arguments: tuple[str, ...], told: str) -> None:
    result = slipway("graph", *arguments)
    assert result.exit_code == 1
    assert told in result.stderr
