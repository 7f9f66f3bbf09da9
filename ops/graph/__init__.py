"""A picture of a stack, made of its plan: Mermaid text, or SVG that Graphviz draws."""

from ops.graph.picture import picture
from ops.graph.write import to_mermaid, to_svg

__all__ = ["picture", "to_mermaid", "to_svg"]
