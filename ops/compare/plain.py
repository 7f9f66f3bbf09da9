"""Plain data: paths of what differs, masks for secrets, and diffs for people."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any, cast

import yaml

from ops.render.files import Dumper

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MASK = "[secret]"
CHANGED_MASK = "[secret, changed]"
Path = tuple[str, ...]
ELEMENT = "[*]"
"""Stands in a path for an element of a list."""

_SECRET_KEY = re.compile(
    r"(password|passphrase|secretstring|secretvalue|secretkey|privatekey|accesskey|authtoken|clientsecret|apikey|token)$",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"(PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|(^|_)KEY|_KEY_BASE)$", re.IGNORECASE)
_KUBERNETES_SECRET = ("data", "stringData")
_REFERENCE = re.compile(r"\$\{[^{}]+\}")
_USER_INFO = re.compile(r"(?<=://)([^/@:\s]+):(?!\$\{)[^/@\s]+(?=@)")
"""User and password in an address."""
_DIFF_LIMIT = 200_000


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def at(value: object, *path: str) -> Any:
    """A value inside mappings, or None."""
    for key in path:
        value = mapping(value).get(key)
    return value


def differing(base: object, head: object, prefix: Path = ()) -> Iterator[Path]:
    """Paths of every leaf that differs: keys from the root; an element of a list is `[*]`, whatever its place."""
    if base == head:
        return
    if isinstance(base, dict) and isinstance(head, dict):
        old, new = cast("dict[str, Any]", base), cast("dict[str, Any]", head)
        for key in sorted({*old, *new}):
            yield from differing(old.get(key), new.get(key), (*prefix, key))
    elif isinstance(base, list) and isinstance(head, list):
        olds, news = cast("list[Any]", base), cast("list[Any]", head)
        for index in range(max(len(olds), len(news))):
            pair = [items[index] if index < len(items) else None for items in (olds, news)]
            yield from differing(pair[0], pair[1], (*prefix, ELEMENT))
    else:
        yield prefix


def masked(kind: str, base: Mapping[str, Any] | None, head: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Both sides with everything that looks like a secret hidden; that it changed stays visible. The plan masks only
    what the program declares secret; the result is published, so values of Secrets and of secret-like names go too."""
    secret = _KUBERNETES_SECRET if kind == "Secret" else ()
    return (
        _masked(base, head, secret, changed=False) if base is not None else None,
        _masked(head, base, secret, changed=base is not None) if head is not None else None,
    )


def _masked(value: Any, other: Any, secret: tuple[str, ...], *, changed: bool) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        others = mapping(other)
        named = isinstance(entries.get("name"), str) and _SECRET_NAME.search(entries["name"])
        return {
            key: _hidden(item, others.get(key), changed=changed)
            if key in secret or (named and key == "value") or _SECRET_KEY.search(key)
            else _masked(item, others.get(key), (), changed=changed)
            for key, item in entries.items()
        }
    if isinstance(value, list):
        items = cast("list[Any]", value)
        others = cast("list[Any]", other) if isinstance(other, list) else []
        return [
            _masked(item, others[index] if index < len(others) else None, (), changed=changed)
            for index, item in enumerate(items)
        ]
    return value


def _hidden(value: Any, other: Any, *, changed: bool) -> Any:
    """Texts hidden; references, numbers and switches are no secrets."""
    if isinstance(value, dict):
        others = mapping(other)
        entries = cast("dict[str, Any]", value)
        return {key: _hidden(item, others.get(key), changed=changed) for key, item in entries.items()}
    if isinstance(value, list):
        others = cast("list[Any]", other) if isinstance(other, list) else []
        items = cast("list[Any]", value)
        return [_hidden(v, others[i] if i < len(others) else None, changed=changed) for i, v in enumerate(items)]
    if not isinstance(value, str) or not value or _REFERENCE.fullmatch(value):
        return value
    return CHANGED_MASK if changed and value != other else MASK


def opened(value: Any) -> Any:
    """Plain data with texts that are JSON (policies, dashboards) opened, so that a diff shows lines."""
    if isinstance(value, dict):
        return {key: opened(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [opened(item) for item in cast("list[Any]", value)]
    if isinstance(value, str) and value[:1] in {"{", "["} and value[-1:] in {"}", "]"}:
        try:
            parsed: object = json.loads(value)
        except ValueError:
            return value
        return cast("Any", parsed)
    return value


def to_text(value: Any) -> str:
    """Plain data as YAML, keys sorted."""
    if not value:
        return ""
    text: str = yaml.dump(opened(value), Dumper=Dumper, sort_keys=True, width=110, allow_unicode=True)
    return _USER_INFO.sub(rf"\1:{MASK}", text)


def unified(base: Any, head: Any) -> str:
    """A unified diff of two values as YAML, without file names; cut, and that is said, where it is absurdly long."""
    old, new = to_text(base).splitlines(), to_text(head).splitlines()
    lines = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]  # without the two lines of file names
    text = "\n".join(lines)
    if len(text) > _DIFF_LIMIT:
        return f"{text[:_DIFF_LIMIT]}\n… {len(text) - _DIFF_LIMIT} more characters"
    return text
