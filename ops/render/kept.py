"""Renders once: what a configuration was rendered to is kept in the cache until something that goes into it changes.

The program is a function of its settings: it reads no file, no environment and no cluster (see docs/architecture.md).
So its result can be kept, and a command that only needs the result loads neither the program nor Pulumi's SDKs. Into
the key goes everything that the result can depend on. A file that does not read as it was written is no result.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from local import paths
from ops.render.result import App, Cluster, Rendered, SecretManifest, Smoke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.stack_file import StackConfig

ROOT = Path(__file__).resolve().parents[2]
_MAIN = "__main__.py"
_PROGRAM = ("components", "stacks", "ops/render")
_PACKAGES = ("pulumi", "pulumi-kubernetes", "pulumi-gcp", "pulumi-aws", "pydantic", "pyyaml")
# What the SDKs take inputs of their providers from, where the program says nothing.
_VARIABLES = ("PULUMI_", "AWS_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "KUBE_CONTEXT")
KEPT = 16
"""Results in the cache; the oldest go."""


def render_config(config: StackConfig, project_dir: Path = ROOT) -> Rendered:
    """Render a configuration, or find what it was rendered to before.

    Args:
        config: The stack's configuration.
        project_dir: Directory of `__main__.py`.

    Returns:
        Plan, manifests and apps.

    Raises:
        SettingsError: The settings are wrong.
    """
    file = _file(config, project_dir)
    if file is not None and (found := _read(file)) is not None:
        return found
    from ops.render.program import render_config as render_anew

    rendered = render_anew(config, project_dir)
    if file is not None:
        _write(file, rendered)
    return rendered


def render(stack: str, project_dir: Path = ROOT) -> Rendered:
    """Render a stack from its files, or find what they were rendered to before.

    Args:
        stack: Stack name.
        project_dir: Directory of Pulumi.yaml and `__main__.py`.

    Returns:
        Plan, manifests and apps.

    Raises:
        SettingsError: A file is missing or its settings are wrong.
    """
    from stacks.stack_file import read_stack_config

    return render_config(read_stack_config(project_dir, stack), project_dir)


def _file(config: StackConfig, project_dir: Path) -> Path | None:
    """Where the result is kept; None where its key cannot be told."""
    digest = hashlib.sha256()
    try:
        # Another program than ours may read what it likes.
        if (project_dir / _MAIN).read_bytes() != (ROOT / _MAIN).read_bytes():
            return None
        digest.update(json.dumps([asdict(config), *_surroundings()], sort_keys=True).encode())
        for path in _sources():
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
            digest.update(path.read_bytes())
    except OSError:
        return None
    return paths.cache() / "render" / f"{config.stack}-{digest.hexdigest()[:32]}.json"


def _surroundings() -> Iterator[Any]:
    yield platform.python_version()
    yield {name: metadata.version(name) for name in _PACKAGES}
    yield {key: value for key, value in os.environ.items() if key.startswith(_VARIABLES)}


def _sources() -> list[Path]:
    found = [ROOT / _MAIN]
    for folder in _PROGRAM:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(found)


def _read(file: Path) -> Rendered | None:
    try:
        document = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        return _rendered(document)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rendered(document: dict[str, Any]) -> Rendered:
    def app(fields: dict[str, Any]) -> App:
        given = fields.pop("smoke")
        return App(**fields, smoke=Smoke(**given) if given else None)

    def secret(fields: dict[str, Any]) -> SecretManifest:
        return SecretManifest(fields["manifest"], tuple(fields["stashes"]))

    return Rendered(
        stack=document["stack"],
        plan=document["plan"],
        manifests=document["manifests"],
        secrets={name: [secret(item) for item in items] for name, items in document["secrets"].items()},
        apps=[app(item) for item in document["apps"]],
        clusters={name: Cluster(**item) for name, item in document["clusters"].items()},
        unresolved=document["unresolved"],
    )


def _write(file: Path, rendered: Rendered) -> None:
    """Keep a result; a disk that takes no more is no reason to fail."""
    draft = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps(asdict(rendered))
        # The result that is read back later is the one that a run gets now, or none.
        if _rendered(json.loads(text)) != rendered:
            return
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        draft.replace(file)
        kept = sorted(file.parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in kept[KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        with suppress(OSError):
            draft.unlink()
