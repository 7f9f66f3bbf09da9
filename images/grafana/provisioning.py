"""Data sources and dashboards from files, as Grafana's provisioning describes them.

https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

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
        return {
            "id": self.id,
            "uid": self.uid,
            "orgId": 1,
            "name": self.name,
            "type": self.type,
            "access": "proxy",
            "url": self.url,
            "isDefault": self.default,
            "readOnly": True,
        }


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


def _entries(directory: Path, key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")]):
        try:
            content: object = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise ProvisioningError(f"{file} cannot be read: {error}") from None
        entries: object = cast("dict[str, Any]", content).get(key, []) if isinstance(content, dict) else []
        if not isinstance(entries, list):
            raise ProvisioningError(f"{file}: {key} is not a list")
        for entry in cast("list[object]", entries):
            if not isinstance(entry, dict):
                raise ProvisioningError(f"{file}: an entry of {key} is not a mapping")
            yield file, cast("dict[str, Any]", entry)


def _text(file: Path, entry: dict[str, Any], key: str) -> str:
    value: object = entry.get(key)
    if not isinstance(value, str) or not value:
        raise ProvisioningError(f"{file}: {key} is missing or no text")
    return value


def data_sources(provisioning: Path) -> dict[str, DataSource]:
    """The data sources by uid.

    Args:
        provisioning: the directory with `datasources/`.

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
    """The dashboards by uid, read anew each time: a changed ConfigMap shows at once.

    Args:
        provisioning: the directory with `dashboards/`, whose providers name directories of JSON files.

    Raises:
        ProvisioningError: a file is wrong.
    """
    found: dict[str, Dashboard] = {}
    for file, provider in _entries(provisioning / "dashboards", "providers"):
        options: object = provider.get("options")
        path = cast("dict[str, Any]", options).get("path") if isinstance(options, dict) else None
        if not isinstance(path, str):
            raise ProvisioningError(f"{file}: a provider without options.path")
        for source in sorted(Path(path).rglob("*.json")):
            dashboard = _dashboard(source)
            found[dashboard.uid] = dashboard
    return found


def _dashboard(file: Path) -> Dashboard:
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProvisioningError(f"{file} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise ProvisioningError(f"{file} is not a dashboard")
    model = cast("dict[str, Any]", content)
    title = _text(file, model, "title")
    uid: object = model.get("uid") or file.stem
    return Dashboard(str(uid), title, model, file.name)
