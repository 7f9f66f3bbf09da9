"""Data sources and dashboards from files (https://grafana.com/docs/grafana/latest/administration/provisioning/)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


class ProvisioningError(Exception):
    """A file is wrong; the message names it."""


@dataclass(frozen=True)
class DataSource:
    """A Prometheus that panels are drawn from."""

    id: int
    uid: str
    name: str
    type: str
    url: str
    default: bool

    def public(self) -> dict[str, Any]:
        """As the API shows it."""
        shown = {"id": self.id, "uid": self.uid, "name": self.name, "type": self.type, "url": self.url}
        return {**shown, "isDefault": self.default, "orgId": 1, "access": "proxy", "readOnly": True}


@dataclass(frozen=True)
class Dashboard:
    """A dashboard in Grafana's JSON model."""

    uid: str
    title: str
    model: dict[str, Any]
    file: str

    @property
    def url(self) -> str:
        """Path of its page."""
        return f"/d/{self.uid}"

    def public(self) -> dict[str, Any]:
        """As the API's search shows it."""
        tags: object = self.model.get("tags", [])
        return {"uid": self.uid, "title": self.title, "url": self.url, "type": "dash-db", "tags": tags}


def _read(file: Path) -> object:
    try:
        text = file.read_text(encoding="utf-8")
        return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProvisioningError(f"{file} cannot be read: {error}") from None


def _mapping(file: Path, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProvisioningError(f"{file}: this is no mapping: {str(value)[:80]!r}")
    return cast("dict[str, Any]", value)


def _entries(directory: Path, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")]):
        entries: object = _mapping(file, _read(file) or {}).get(key, [])
        if not isinstance(entries, list):
            raise ProvisioningError(f"{file}: {key} is not a list")
        yield from ((file, _mapping(file, entry)) for entry in cast("list[object]", entries))


def _text(file: Path, entry: dict[str, Any], key: str) -> str:
    value: object = entry.get(key)
    if not isinstance(value, str) or not value:
        raise ProvisioningError(f"{file}: {key} is missing or no text")
    return value


def data_sources(provisioning: Path) -> dict[str, DataSource]:
    """The data sources by uid, from `datasources/`.

    Raises:
        ProvisioningError: a file is wrong, or names a kind of source that is not drawn here.
    """
    sources: dict[str, DataSource] = {}
    for file, entry in _entries(provisioning / "datasources", "datasources"):
        name, kind, url = (_text(file, entry, key) for key in ("name", "type", "url"))
        if kind != "prometheus":
            raise ProvisioningError(f"{file}: {name} is of type {kind!r}; this stand-in knows prometheus only")
        if not url.startswith("http://"):
            raise ProvisioningError(f"{file}: the url of {name} is {url!r}; write http://host:port")
        uid = str(entry.get("uid") or name)
        if uid in sources:
            raise ProvisioningError(f"{file}: there is another data source with the uid {uid!r}")
        sources[uid] = DataSource(len(sources) + 1, uid, name, kind, url, bool(entry.get("isDefault")))
    return sources


def dashboards(provisioning: Path) -> dict[str, Dashboard]:
    """The dashboards by uid, from the directories that `dashboards/` names; read anew each time, as they may change.

    Raises:
        ProvisioningError: a file is wrong.
    """
    found: dict[str, Dashboard] = {}
    for file, provider in _entries(provisioning / "dashboards", "providers"):
        path = _text(file, _mapping(file, provider.get("options")), "path")
        for source in sorted(Path(path).rglob("*.json")):
            model = _mapping(source, _read(source))
            uid = str(model.get("uid") or source.stem)
            found[uid] = Dashboard(uid, _text(source, model, "title"), model, source.name)
    return found
