"""What the program made of an app, remembered between releases: only the tag differs, so only the tag is put in anew.

Running the program takes half a second, most of it loading Pulumi's SDK. What is remembered counts for exactly the same
program, libraries and settings, and was compared with a real run when it was written.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from local import paths
from ops.render.result import App, Cluster, Rendered, Smoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stacks.stack_file import StackConfig

PLACEHOLDER = "tag-5f0c1e8b27d94a36"
"""A tag that nobody uses, in the place of the one that is released."""
_KEPT = 50
_LIBRARIES = ("pulumi", "pulumi-kubernetes", "pydantic", "PyYAML")
_ROOT = Path(__file__).resolve().parents[2]


def render_app(directory: Path, config: Callable[[str], StackConfig], tag: str) -> Rendered:
    """An app rendered with a tag; generated Secrets are left out.

    Args:
        directory: Directory of `__main__.py`.
        config: The configuration for a tag.
        tag: The tag.

    Raises:
        SettingsError: The settings are wrong with it.
    """
    from stacks.settings import parse

    wanted = config(tag)
    parse(
        wanted.values, project=wanted.project, source=wanted.source, kube_context=os.environ.get("KUBE_CONTEXT") or None
    )
    file = paths.cache() / "releases" / f"{_key(directory, config(PLACEHOLDER))}.json"
    remembered = _recall(file, tag)
    if remembered is not None:
        return remembered
    # Imported here: the render loads Pulumi's SDK.
    from ops.render.program import render_config

    rendered = render_config(wanted, directory)
    template = _text(render_config(config(PLACEHOLDER), directory))
    # The program may do with a tag what it likes: remembered is only what comes out right by putting it in.
    if template.replace(PLACEHOLDER, tag) == _text(rendered):
        _remember(file, template)
    return _rendered(_text(rendered))


def _program(directory: Path) -> Iterator[Path]:
    """The files that decide what is rendered."""
    yield directory / "__main__.py"
    yield directory / "Pulumi.yaml"
    for package in ("stacks", "components", "ops/render"):
        yield from sorted((_ROOT / package).rglob("*.py"))


def _key(directory: Path, config: StackConfig) -> str:
    digest = hashlib.sha256()
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    context = os.environ.get("KUBE_CONTEXT", "")
    digest.update(repr((sys.version, versions, context, config.stack, sorted(config.values.items()))).encode())
    for path in _program(directory):
        content = path.read_bytes()
        digest.update(f"\n{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _text(rendered: Rendered) -> str:
    # A Secret's manifest is never written to a file, and a release needs none.
    return json.dumps({**asdict(rendered), "secrets": {}}, sort_keys=True)


def _rendered(text: str) -> Rendered:
    values = cast("dict[str, Any]", json.loads(text))

    def app(fields: dict[str, Any]) -> App:
        smoke: dict[str, Any] | None = fields.pop("smoke")
        return App(**fields, smoke=Smoke(**smoke) if smoke else None)

    return Rendered(
        stack=values["stack"],
        plan=values["plan"],
        manifests=values["manifests"],
        secrets=values["secrets"],
        apps=[app(fields) for fields in values["apps"]],
        clusters={name: Cluster(**fields) for name, fields in values["clusters"].items()},
        unresolved=values["unresolved"],
    )


def _recall(file: Path, tag: str) -> Rendered | None:
    try:
        text = file.read_text(encoding="utf-8")
        found = _rendered(text.replace(PLACEHOLDER, tag))
        os.utime(file)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _remember(file: Path, template: str) -> None:
    """Keep it, and only the newest; a cache that cannot be written costs time and nothing else."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(template, encoding="utf-8")
        draft.replace(file)
        known = sorted(file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in known[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        draft.unlink(missing_ok=True)
