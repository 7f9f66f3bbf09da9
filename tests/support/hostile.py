# ruff: noqa: RUF001 - look-alike characters are what some of the files are made of
"""Stack files for the configuration campaign: right ones, ones with planted mistakes, and with hostile texts."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from tests.support import cases
from tests.support.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

Tree = dict[str, Any]


@dataclass(frozen=True)
class StackFile:
    """One generated stack file."""

    category: str
    content: bytes
    wrong: tuple[str, ...] = ()
    right: bool = False


def base_trees() -> list[Tree]:
    """The configuration of each case as a tree, keys without namespace."""
    return [
        {
            key.partition(":")[2]: json.loads(text) if text[:1] in ("{", "[") else text
            for key, text in cases.case(name).values.items()
        }
        for name in cases.case_names()
    ]


def text_of(tree: Tree) -> str:
    """A stack file with these settings."""
    return yaml.safe_dump({"config": {f"{PROJECT}:{k}": v for k, v in tree.items()}}, allow_unicode=True, width=1000)


def leaves(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values that hold no others."""
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        entries = list(cast("dict[Any, Any]", value).items())
    elif isinstance(value, list):
        entries = list(enumerate(cast("list[Any]", value)))
    return [leaf for key, item in entries for leaf in leaves(item, (*way, key))] or (
        [way] if way and not entries else []
    )


def put(tree: Any, way: tuple[Any, ...], value: Any) -> None:
    for key in way[:-1]:
        tree = tree[key]
    tree[way[-1]] = value


def shown_path(way: tuple[Any, ...]) -> str:
    """A path as messages name it."""
    return f"{PROJECT}:" + ".".join(map(str, way))


def right(random: Random, trees: list[Tree]) -> StackFile:
    """A right file with other right values, written in another order."""
    tree = copy.deepcopy(random.choice(trees))
    tree["owner"] = random.choice(["me", "team-7", "a", "x" * 40])
    tree["namespacePrefix"] = random.choice(["", "review-1", "p" * 20])
    if "state" not in tree:
        tree["lifecycle"] = random.choice(["ephemeral", "durable"])
    for name, app in cast("dict[str, Tree]", tree.get("apps", {})).items():
        if "autoscale" not in app and name != "todo" and random.random() < 0.5:
            app["replicas"] = random.randint(3, 9)
        if random.random() < 0.3:
            app["resources"] = {"cpu": f"{random.randint(1, 400)}m", "memory": f"{random.randint(300, 500)}Mi"}
        if "revision" in app:
            app["revision"] = random.choice(["2", "0a1b2c3", "v1.2.3", "2026-11-21"])
    keys = list(tree)
    random.shuffle(keys)
    return StackFile("right", text_of({key: tree[key] for key in keys}).encode(), right=True)


_NEVER_RIGHT: tuple[Any, ...] = ([], [[1]], {"a": {"b": 1}}, ["x"], "\x07", "a\nb", "‮abc", {"": 0})
"""No leaf of the base files takes any of these, whatever its type."""


def planted(random: Random, trees: list[Tree]) -> StackFile:
    """A right file in which one to five leaves are made wrong; each has to be named."""
    tree = copy.deepcopy(random.choice(trees))
    places = [leaf for leaf in leaves(tree) if len(leaf) >= 3 and leaf[-1] not in ("kind", "ingress", "monitoring")]
    chosen = random.sample(places, min(len(places), random.randint(1, 5)))
    for way in chosen:
        put(tree, way, random.choice(_NEVER_RIGHT))
    return StackFile("planted", text_of(tree).encode(), tuple(shown_path(way) for way in chosen))


HUGE = (
    *("1e400", "-1e400", ".inf", "-.inf", ".nan", "1e308", "2147483648", "9223372036854775808", "-0", "0o777"),
    *("1_0", "190:20:30", "1e-400", "+1"),
    *("0x" + "f" * 40, "0b" + "1" * 200, "9" * 30, "-" + "9" * 30, "9" * 4299, "9" * 5000, "0." + "9" * 400),
)
UNICODE = (
    *(
        "ｎｇｉｎｘ",
        "nginх",
        "é",
        "é",
        "ﬁ",
        "١٢٣",
        "²",
        "Ⅷ",
        "İ",
        "ß",
        "😀",
        "\u202enigx",
        "a\u200bb",
        "\ufeffa",
        "日本語",
    ),
    *("\U000e0001", "x\xad", "𝓃𝑔𝒾𝓃𝓍"),
    *("a\u00a0b", "\u2028", "a" * 64, "İ" * 100, "ͫ" * 50),
)
TRAVERSAL = (
    *("../../etc/passwd", "..", ".", "/etc/shadow", "a/../../b", "....//", "..\\..\\x", "%2e%2e%2f", "C:\\x"),
    *("~root", "$HOME", "$(id)", "`id`", "*", "?", "a:b:c"),
    *("-rf", "--kubeconfig=/x", "${slipway.output}", "{{`x`}}", "%s%n", "file:///etc/passwd"),
    *("http://169.254.169.254/", "@x", "#"),
    *("; rm -rf /", "| cat", "a b", "{{ .Values }}", "' OR 1=1 --"),
)
INJECTED = (
    *r"'a\nb:' '\e[31mred' 'a\0b' '\ud800' 'a\tb' '\x7f' '\u0085' '\u2029x' '\b' ''".replace("'", '"').split(),
    *(
        '"a\\r\\nHost: x"',
        "|\n  a\n  b",
        ">\n  a\n\n  b",
        '"a\\n---\\nkind: Secret"',
        '"a\\\n  b"',
        "'a\n\n  b'",
        '" a"',
        '"a "',
    ),
)


def _placed(random: Random, trees: list[Tree], scalar: str, *, as_key: bool) -> str:
    """A right file with YAML text put in place of a value or of a key."""
    tree = copy.deepcopy(random.choice(trees))
    places = [leaf for leaf in leaves(tree) if len(leaf) >= 2]
    way = random.choice(places)
    if as_key:
        put(tree, way, "VALUE")
        text = text_of(tree)
        line = next(line for line in text.splitlines() if line.rstrip().endswith("VALUE"))
        indent = line[: len(line) - len(line.lstrip(" -"))]
        return text.replace(line, f"{indent}? {scalar}\n{' ' * len(indent)}: 1", 1)
    put(tree, way, "VALUE")
    return text_of(tree).replace("VALUE", scalar, 1)


def placed(category: str, scalars: tuple[str, ...]) -> Callable[[Random, list[Tree]], StackFile]:
    """Files with one of these YAML scalars at a random place."""

    def make(random: Random, trees: list[Tree]) -> StackFile:
        text = _placed(random, trees, random.choice(scalars), as_key=random.random() < 0.3)
        return StackFile(category, text.encode("utf-8", "surrogatepass"))

    return make


def quoted(category: str, texts: tuple[str, ...]) -> Callable[[Random, list[Tree]], StackFile]:
    """Files with one of these texts, quoted, at a random place."""
    return placed(category, tuple(json.dumps(text) for text in texts))


CATEGORIES: tuple[Callable[[Random, list[Tree]], StackFile], ...] = (
    right,
    planted,
    placed("huge numbers", HUGE),
    quoted("Unicode", UNICODE),
    quoted("paths and shells", TRAVERSAL),
    placed("injected", INJECTED),
)
"""Each makes one file of its category."""
