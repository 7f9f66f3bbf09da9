"""URLs as they are live: references resolved, and node ports and host names as the cluster has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ops.kube import Key, entries, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ops.kube import Manifest

_REFERENCE = re.compile(r"\$\{([^${}]+?)\.((?:[A-Za-z][A-Za-z0-9]*|\[\d+\])(?:\.[A-Za-z][A-Za-z0-9]*|\[\d+\])*)\}")
_LOCAL = "localhost"
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+")


def objects_by_resource(plan: Mapping[str, Any]) -> dict[str, Key]:
    """Resource name to the Kubernetes object that it is; a reference in the namespace's place is its name."""
    kubernetes = [r for r in plan["resources"] if "apiVersion" in r["inputs"]]
    namespaces = {
        f"${{{r['name']}.metadata.name}}": r["inputs"]["metadata"]["name"]
        for r in kubernetes
        if r["inputs"].get("kind") == "Namespace"
    }
    found: dict[str, Key] = {}
    for resource in kubernetes:
        inputs = cast("Manifest", resource["inputs"])
        if "name" in section(inputs, "metadata"):
            key = Key.of(inputs)
            found[resource["name"]] = key._replace(namespace=namespaces.get(key.namespace, key.namespace))
    return found


def named_in(text: str, resources: Mapping[str, Key]) -> set[Key]:
    """The objects that a text has references (`${<resource>.<path>}`) to; `resources` are by resource name."""
    return {resources[name] for name, _ in _REFERENCE.findall(text) if name in resources}


def resolve(text: str, resources: Mapping[str, Key], live: Mapping[Key, Manifest]) -> str | None:
    """A text with its references (`${<resource>.<path>}`) replaced by what the live objects say. None when an object or
    its field is not there (yet)."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        key = resources.get(match.group(1))
        current: Any = live.get(key) if key else None
        for step in _STEP.findall(match.group(2)):
            if isinstance(current, dict):
                current = cast("dict[str, Any]", current).get(step)
            elif isinstance(current, list) and step.isdigit():
                entries = cast("list[Any]", current)
                current = entries[int(step)] if int(step) < len(entries) else None
            else:
                current = None
        missing = missing or current is None
        return str(current)

    resolved = _REFERENCE.sub(value, text)
    return None if missing or "${" in resolved else resolved


def address_of(host: str) -> str:
    """Where a host name is connected to: names below `localhost` are this machine, which not every resolver knows."""
    return "127.0.0.1" if host.endswith(f".{_LOCAL}") else host


def with_live_port(url: str, wanted: Iterable[Manifest], live: Mapping[Key, Manifest]) -> str | None:
    """A URL with the node port that its Service has, if the settings say another one by now; None without a Service."""
    port = urlsplit(url).port
    for service in (item for item in wanted if port and item["kind"] == "Service"):
        for entry in entries(service, "spec", "ports"):
            if entry.get("nodePort") == port:
                there = entries(live.get(Key.of(service), {}), "spec", "ports")
                found = next((p.get("nodePort") for p in there if p.get("port") == entry["port"]), None)
                return url.replace(f":{port}", f":{found}", 1) if found else None
    return url


def hosts_of(ingress: Manifest | None) -> list[str]:
    """The host names that an Ingress serves; those below `localhost` last."""
    hosts = [str(rule.get("host")) for rule in entries(ingress or {}, "spec", "rules") if rule.get("host")]
    return sorted(hosts, key=lambda host: host.endswith(f".{_LOCAL}"))


def with_live_host(url: str, hosts: list[str], wanted: str) -> str | None:
    """A URL with a host name that its Ingress serves: the app's, a name below `localhost`, or the controller's address.
    None where there is no such name."""
    name = urlsplit(url).hostname or ""
    if not hosts:
        return None
    if name == wanted:
        return url.replace(name, hosts[0], 1) if name not in hosts else url
    return None if name.endswith(f".{_LOCAL}") and name not in hosts else url
