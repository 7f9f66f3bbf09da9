"""What a bill of materials lists, and how it is written (CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/)."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SPEC = "1.6"
_NAMESPACE = uuid.UUID("6f0b4f0e-6a43-5a51-9d2b-2f6d4d2d7c10")
"""Serial numbers are derived from the content below this: the same content has the same number."""


@dataclass(frozen=True)
class Part:
    """One thing that the project uses.

    Attributes:
        ecosystem: `pypi`, `golang`, `npm`, `maven`, `deb`, `github` or `docker`: the type of its package URL.
        name: Its name; for Maven `group:artifact`.
        version: Its version; empty where only the name is known.
        where: The files, or the image, that say so.
        hashes: Algorithm as CycloneDX calls it (`SHA-256`) to hexadecimal digest.
        licence: SPDX expression, or empty where the pinning file does not say.
        qualifiers: Qualifiers of the package URL.
    """

    ecosystem: str
    name: str
    version: str
    where: tuple[str, ...]
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])
    licence: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def purl(self) -> str:
        """Its package URL (https://github.com/package-url/purl-spec)."""
        name = self.name.replace(":", "/") if self.ecosystem == "maven" else self.name
        path = "/".join(quote(piece, safe="") for piece in name.split("/"))
        version = f"@{quote(self.version, safe='')}" if self.version else ""
        pairs = "&".join(f"{key}={quote(value, safe='')}" for key, value in sorted(self.qualifiers.items()))
        return f"pkg:{self.ecosystem}/{path}{version}{'?' + pairs if pairs else ''}"


def merged(parts: Iterable[Part]) -> list[Part]:
    """Each package URL once, with everything that is known of it, in order."""
    found: dict[str, Part] = {}
    for part in parts:
        old = found.get(part.purl, part)
        found[part.purl] = Part(
            part.ecosystem,
            part.name,
            part.version,
            tuple(sorted({*old.where, *part.where})),
            {**part.hashes, **old.hashes},
            old.licence or part.licence,
            part.qualifiers,
        )
    return [found[purl] for purl in sorted(found)]


def document(project: str, version: str, parts: Iterable[Part]) -> dict[str, Any]:
    """The bill of materials: the same parts give the same bytes, whenever and wherever it is made.

    Args:
        project: Name of the project.
        version: Its version.
        parts: What it uses.

    Returns:
        A CycloneDX document as plain data.
    """
    root = f"pkg:generic/{quote(project, safe='')}@{quote(version, safe='')}"
    components = [_component(part) for part in merged(parts)]
    digest = hashlib.sha256(json.dumps(components, sort_keys=True).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project,
                "version": version,
                "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [component["bom-ref"] for component in components]}],
    }


def _component(part: Part) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "container" if part.ecosystem == "docker" else "library",
        "bom-ref": part.purl,
        "name": part.name.rpartition(":")[2],
        "purl": part.purl,
        "properties": [{"name": "slipway:pinned-in", "value": place} for place in part.where],
    }
    if part.version:
        entry["version"] = part.version
    if part.ecosystem == "maven" and ":" in part.name:
        entry["group"] = part.name.partition(":")[0]
    if part.hashes:
        entry["hashes"] = [{"alg": name, "content": digest} for name, digest in sorted(part.hashes.items())]
    if part.licence:
        entry["licenses"] = [{"expression": part.licence}]
    return entry
