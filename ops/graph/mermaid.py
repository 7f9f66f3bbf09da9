"""A picture as Mermaid text (https://mermaid.js.org/syntax/flowchart.html), which GitHub draws by itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.graph.model import Group, Node, Picture

_SHAPES = {"stateful": ("[(", ")]"), "database": ("[(", ")]"), "alias": ("([", "])"), "outside": ("{{", "}}")}
_CLASSES = {
    "stateless": "fill:#eef4ff,stroke:#3b6fd4,color:#1b2b4b",
    "stateful": "fill:#fff4e5,stroke:#d9822b,color:#4b2f10",
    "daemon": "fill:#f1ecfb,stroke:#7a56c2,color:#2f1f55",
    "alias": "fill:#ffffff,stroke:#7b8794,stroke-dasharray:4 3,color:#323f4b",
    "outside": "fill:#ffffff,stroke:#7b8794,stroke-dasharray:4 3,color:#323f4b",
    "database": "fill:#fff4e5,stroke:#d9822b,color:#4b2f10",
    "platform": "fill:#f5f7fa,stroke:#9aa5b1,color:#323f4b",
    "system": "fill:#eef4ff,stroke:#3b6fd4,color:#1b2b4b",
}


def to_mermaid(picture: Picture) -> str:
    """The picture as text.

    Args:
        picture: What to draw.

    Returns:
        A flowchart; the same text for the same picture.
    """
    lines = ["---", f"title: {json.dumps(f'{picture.title} ({picture.note})')}", "---", "flowchart LR"]
    lines += _inside(picture.root, 1)
    lines += [f"  {_id(e.source)} -->{f'|{_text(e.label)}|' if e.label else ''} {_id(e.target)}" for e in picture.edges]
    used = {node.kind for node in picture.root.everything()}
    lines += [f"  classDef {kind} {style}" for kind, style in _CLASSES.items() if kind in used]
    return "\n".join(lines) + "\n"


def _inside(group: Group, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for child in group.groups:
        title = f"{_text(child.title)}{f' · {_text(child.note)}' if child.note else ''}"
        yield f'{pad}subgraph {_id(child.key)}["{title}"]'
        yield from _inside(child, depth + 1)
        yield f"{pad}end"
    for node in group.nodes:
        yield pad + _node(node)


def _node(node: Node) -> str:
    opening, closing = _SHAPES.get(node.kind, ("[", "]"))
    entries = [f"⇥ {_text(entry)}" for entry in node.entries]
    text = "<br/>".join([f"<b>{_text(node.title)}</b>", *map(_text, node.lines), *entries])
    return f'{_id(node.key)}{opening}"{text}"{closing}:::{node.kind}'


def _id(key: str) -> str:
    # Letters in front: a word of Mermaid's own (`end`, `graph`) must not stand alone. No two keys become the same.
    return "n_" + re.sub(r"[^A-Za-z0-9]", _escaped, key)


def _escaped(sign: re.Match[str]) -> str:
    return "__" if sign.group() == "-" else f"_{ord(sign.group()):x}_"


def _text(text: str) -> str:
    return re.sub(r'["#<>|\[\]{}&]', lambda sign: f"#{ord(sign.group())};", text)
