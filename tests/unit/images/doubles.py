"""Stand-ins for the outside world: a registry on loopback, an engine that pushes to it, public registries."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.images import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.images.reference import Reference


@dataclass
class LoopbackRegistry:
    """What a registry holds: labels by `repository:tag`."""

    host: str
    images: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def config(self, name: str) -> bytes:
        return json.dumps({"config": {"Labels": self.images[name]}}).encode()

    def answer(self, path: str) -> bytes | None:
        """The manifest or the blob at a path of the distribution API."""
        repository, _, rest = path.removeprefix("/v2/").partition("/manifests/")
        if rest:
            name = f"{repository}:{rest}"
            if name not in self.images:
                return None
            digest = hashlib.sha256(self.config(name)).hexdigest()
            return json.dumps({"schemaVersion": 2, "config": {"digest": f"sha256:{digest}"}}).encode()
        wanted = path.rpartition("sha256:")[2]
        return next((self.config(n) for n in self.images if hashlib.sha256(self.config(n)).hexdigest() == wanted), None)


@dataclass
class RecordingEngine:
    """An engine whose store is a dictionary: reference → labels."""

    registry: LoopbackRegistry
    name: str = "recording"
    store: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    contexts: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    arguments: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    pulled: list[str] = field(default_factory=list[str])

    def has(self, reference: str) -> bool:
        return reference in self.store

    def pull(self, reference: str) -> None:
        self.pulled.append(reference)
        self.store[reference] = {}

    def import_root(self, archive: Path, reference: str) -> None:
        assert archive.is_file()
        self.store[reference] = {}

    def build(
        self, context: Path, tags: Sequence[str], arguments: Mapping[str, str], labels: Mapping[str, str], platform: str
    ) -> None:
        assert platform == "linux/amd64"
        if "BASE" in arguments:
            assert arguments["BASE"] in self.store
        files = {p.relative_to(context).as_posix(): p for p in context.rglob("*") if p.is_file()}
        for tag in tags:
            self.store[tag] = dict(labels)
            self.contexts[tag] = {name: oct(path.stat().st_mode & 0o777) for name, path in files.items()}
            self.arguments[tag] = dict(arguments)

    def tag(self, source: str, target: str) -> None:
        self.store[target] = self.store[source]

    def push(self, source: str, destination: Reference) -> None:
        assert destination.host == self.registry.host
        self.registry.images[f"{destination.repository}:{destination.tag}"] = self.store[source]


class Public:
    """Public registries as a test wants them: `found` references can be pulled, the others' hosts are silent."""

    found: set[str]
    asked: list[str]

    def __init__(self) -> None:
        self.found = set()
        self.asked = []

    def look(self, reference: Reference) -> registry.Probe:
        self.asked.append(str(reference))
        if str(reference) in self.found:
            return registry.Probe(found=True)
        return registry.Probe(found=False, reason=f"{reference.host} cannot be reached")

    def close(self) -> None:
        pass
