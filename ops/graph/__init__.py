"""A picture of a stack, made of its plan: Mermaid text, or SVG that Graphviz draws."""
