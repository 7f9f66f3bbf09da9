"""`slipway sbom`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write; none: standard output.")]
Images = Annotated[bool, typer.Option("--images", help="Add the Debian packages of the images in the local registry.")]


def sbom(out: Out = None, images: Images = False) -> None:
    """Write a bill of materials (CycloneDX JSON) of everything of somebody else's that the project uses."""
    import json
    from importlib.metadata import version

    from local.settings import REGISTRY
    from ops.output import console, print_json
    from ops.project import project_dir
    from ops.sbom.debian import installed
    from ops.sbom.model import document
    from ops.sbom.sources import pinned

    parts = [*pinned(project_dir()), *(installed(REGISTRY) if images else [])]
    written = document("slipway", version("slipway"), parts)
    if out is None:
        print_json(written)
        return
    out.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console().print(f"{out}: {len(written['components'])} parts")
