"""Plain data: paths of what differs, masks for secrets, and diffs for people."""

from __future__ import annotations

import difflib
import json
import re
from itertools import chain, repeat
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
    hidden = _KUBERNETES_SECRET if kind == "Secret" else ()

    def side(values: Mapping[str, Any], other: Any, *, changed: bool) -> dict[str, Any]:
        shown = _masked(values, other, hide=False, changed=changed)
        own = {key: values[key] for key in hidden if key in values}
        return shown | _masked(own, other, hide=True, changed=changed)

    return (
        None if base is None else side(base, head, changed=False),
        None if head is None else side(head, base, changed=base is not None),
    )


def _masked(value: Any, other: Any, *, hide: bool, changed: bool) -> Any:
    """Texts to `hide` masked, and those under secret-like names; references, numbers and switches are no secrets."""
    if isinstance(value, dict):
        entries, others = cast("dict[str, Any]", value), mapping(other)
        named = isinstance(entries.get("name"), str) and _SECRET_NAME.search(entries["name"]) is not None
        secret = {key for key in entries if hide or _SECRET_KEY.search(key) or (named and key == "value")}
        return {
            key: _masked(item, others.get(key), hide=key in secret, changed=changed) for key, item in entries.items()
        }
    if isinstance(value, list):
        there = chain(cast("list[Any]", other) if isinstance(other, list) else [], repeat(None))
        pairs = zip(cast("list[Any]", value), there, strict=False)
        return [_masked(item, before, hide=hide, changed=changed) for item, before in pairs]
    if not isinstance(value, str) or not value or _REFERENCE.fullmatch(value):
        return value
    mask = CHANGED_MASK if changed and value != other else MASK
    return mask if hide else _USER_INFO.sub(rf"\1:{mask}", value)


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
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=True, width=110, allow_unicode=True)
    return _USER_INFO.sub(rf"\1:{MASK}", text)


def unified(base: Any, head: Any) -> str:
    """A unified diff of two values as YAML, without file names; cut, and that is said, where it is absurdly long."""
    old, new = to_text(opened(base)), to_text(opened(head))
    if old == new:  # JSON that is only laid out in another way
        old, new = to_text(base), to_text(head)
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=3))[2:]
    text = "\n".join(lines)
    if len(text) > _DIFF_LIMIT:
        return f"{text[:_DIFF_LIMIT]}\n… {len(text) - _DIFF_LIMIT} more characters"
    return text
