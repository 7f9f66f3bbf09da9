"""A picture of a stack, drawn from its plan: Mermaid text or SVG, always the same bytes for the same plan."""

from ops.graph.build import LEVELS, picture
from ops.graph.mermaid import to_mermaid
from ops.graph.svg import to_svg

__all__ = ["LEVELS", "picture", "to_mermaid", "to_svg"]
