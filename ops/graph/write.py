"""A picture as Mermaid text (https://mermaid.js.org/syntax/flowchart.html), which GitHub draws, or by Graphviz."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from itertools import groupby
from typing import TYPE_CHECKING

from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ops.graph.picture import Node, Picture

_SHAPES = {"StatefulSet": ("[(", ")]"), "database": ("[(", ")]"), "alias": ("([", "])"), "outside": ("{{", "}}")}
_COLORS = {
    "Deployment": ("#eef4ff", "#3b6fd4"),
    "StatefulSet": ("#fff4e5", "#d9822b"),
    "DaemonSet": ("#f1ecfb", "#7a56c2"),
    "alias": ("#ffffff", "#7b8794"),
    "outside": ("#ffffff", "#7b8794"),
    "database": ("#fff4e5", "#d9822b"),
    "platform": ("#f5f7fa", "#9aa5b1"),
}
"""What a box is filled with, and its border."""
_DASHED = ("alias", "outside")


def to_mermaid(picture: Picture) -> str:
    """A flowchart; the same text for the same picture."""
    boxes: list[str] = []

    def box(where: tuple[str, ...], inner: list[str]) -> list[str]:
        boxes.append(f"box{len(boxes)}")
        return [f'subgraph {boxes[-1]}["{_text(where[-1])}"]', "  direction LR", *inner, "end"]

    def node(node: Node) -> str:
        opening, closing = _SHAPES.get(node.kind, ("[", "]"))
        lines = [*node.lines, *(f"⇥ {entry}" for entry in node.entries)]
        text = "<br/>".join([f"<b>{_text(node.title)}</b>", *map(_text, lines)])
        return f'{_id(node.key)}{opening}"{text}"{closing}:::{node.kind}'

    lines = list(_nested(picture.nodes, box, node))
    for (source, target), label in picture.edges.items():
        lines.append(f"{_id(source)} -->{f'|{_text(label)}|' if label else ''} {_id(target)}")
    for kind in sorted({node.kind for node in picture.nodes}):
        fill, stroke = _COLORS[kind]
        dash = ",stroke-dasharray:4 3" if kind in _DASHED else ""
        lines.append(f"classDef {kind} fill:{fill},stroke:{stroke},color:#1f2933{dash}")
    if boxes:
        lines += ["classDef box fill:#fbfcfe,stroke:#9fb3c8,color:#1f2933", f"class {','.join(boxes)} box"]
    head = ["---", f"title: {json.dumps(picture.title)}", "---", "flowchart LR"]
    return "\n".join([*head, *(f"  {line}" for line in lines)]) + "\n"


def to_svg(picture: Picture) -> str:
    """The picture as Graphviz draws it; raises OpsError where there is no Graphviz on PATH, or it fails."""
    program = shutil.which("dot")
    if program is None:
        raise OpsError(
            "an SVG picture needs Graphviz's `dot` on PATH (`apt install graphviz`, `brew install graphviz`); "
            "without --svg it is Mermaid text, which GitHub draws"
        )
    done = subprocess.run([program, "-Tsvg"], input=_dot(picture), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OpsError(f"{program} cannot draw the picture: {done.stderr.strip()}")
    return done.stdout


def _dot(picture: Picture) -> str:
    """A graph in the language of https://graphviz.org/doc/info/lang.html."""

    def box(where: tuple[str, ...], inner: list[str]) -> list[str]:
        name = json.dumps("cluster_" + "/".join(where))
        return [f"subgraph {name} {{", f"  label=<<b>{html.escape(where[-1])}</b>>", *inner, "}"]

    def node(node: Node) -> str:
        fill, stroke = _COLORS[node.kind]
        lines = [f"<b>{html.escape(node.title)}</b>", *map(html.escape, node.lines)]
        lines += [f'<font color="#0b7a55"><b>→ {html.escape(entry)}</b></font>' for entry in node.entries]
        look = f'style="filled,rounded{",dashed" * (node.kind in _DASHED)}", fillcolor="{fill}", color="{stroke}"'
        return f"{json.dumps(node.key)} [label=<{'<br/>'.join(lines)}>, {look}]"

    font = 'fontname="Helvetica,Arial,sans-serif"'
    lines = [
        f'graph [rankdir=LR, labelloc=t, labeljust=l, style=rounded, color="#9fb3c8", {font}]',
        f"label=<<b>{html.escape(picture.title)}</b>>",
        f"node [shape=box, fontsize=11, {font}]",
        f'edge [color="#616e7c", fontsize=10, {font}]',
        *_nested(picture.nodes, box, node),
    ]
    for (source, target), label in picture.edges.items():
        lines.append(f"{json.dumps(source)} -> {json.dumps(target)} [label={json.dumps(label)}]")
    return "\n".join(["digraph {", *(f"  {line}" for line in lines), "}"]) + "\n"


def _nested(
    nodes: Sequence[Node],
    box: Callable[[tuple[str, ...], list[str]], list[str]],
    node: Callable[[Node], str],
    depth: int = 0,
) -> Iterator[str]:
    """Lines of the nodes, in the boxes around them. Nodes of the same box stand together, because they are sorted."""
    for title, group in groupby(nodes, key=lambda one: one.where[depth : depth + 1]):
        inside = list(group)
        if title:
            inner = _nested(inside, box, node, depth + 1)
            yield from box(inside[0].where[: depth + 1], [f"  {line}" for line in inner])
        else:
            yield from map(node, inside)


def _id(key: str) -> str:
    # Letters in front: a word of Mermaid's own (`end`, `graph`) must not stand alone. No two keys become the same.
    return "n_" + re.sub(r"[^A-Za-z0-9]", lambda s: "__" if s.group() == "-" else f"_{ord(s.group()):x}_", key)


def _text(text: str) -> str:
    return re.sub(r'["#<>|\[\]{}&]', lambda sign: f"#{ord(sign.group())};", text)
