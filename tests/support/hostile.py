# ruff: noqa: RUF001 - look-alike characters are what some of the files are made of
"""Stack files for the configuration campaign: right ones, ones with planted mistakes, hostile ones, by category."""

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

MAPPINGS = ("clusters", "apps", "clouds", "zones", "registries", "databases", "deployers", "state")
Tree = dict[str, Any]


@dataclass(frozen=True)
class StackFile:
    """One generated stack file.

    Attributes:
        wrong: Key paths that a refusal has to name; empty where only acceptance or any refusal is expected.
    """

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
    """Set what a path leads to."""
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


_ANY: tuple[Any, ...] = (1, "x", None, [], {})
_TYPES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, "", "x"),
    *([], {}, [[]], [None], {"kind": []}, {"kind": {}}, [{}]),
)


def unknown_keys(random: Random, trees: list[Tree]) -> StackFile:
    """A right file with unknown keys at several depths; each has to be named."""
    tree = copy.deepcopy(random.choice(trees))
    parents: set[tuple[Any, ...]] = {leaf[:n] for leaf in leaves(tree) for n in range(1, len(leaf))}
    known: list[tuple[Any, ...]] = []
    for way in sorted(parents, key=str):
        parent: Any = tree
        for key in way:
            parent = parent[key]
        # Below a mapping by name any name is a new entry, not an unknown key.
        if isinstance(parent, dict) and (way[1:] or way[:1] in (("apps",), ("state",))) and random.random() < 0.2:
            cast("Tree", parent)["unknwon"] = random.choice(_ANY)
            known.append((*way, "unknwon"))
    tree["x-extra"] = 1
    return StackFile("unknown keys", text_of(tree).encode(), tuple(shown_path(way) for way in [*known, ("x-extra",)]))


HUGE = (
    "1e400",
    "-1e400",
    ".inf",
    "-.inf",
    ".nan",
    "1e308",
    "0x" + "f" * 40,
    "0b" + "1" * 200,
    "9" * 30,
    "-" + "9" * 30,
    "9" * 4299,
    "9" * 5000,
    "0." + "9" * 400,
    "1" + "0" * 400,
    "2147483648",
    "9223372036854775808",
    "-0",
    "0o777",
    "1_0",
    "190:20:30",
    "1e-400",
    "+1",
)
UNICODE = (
    "ｎｇｉｎｘ",
    "nginх",
    "é",
    "e\u0301",
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
    "a\u00a0b",
    "\u2028",
    "日本語",
    "a" * 64,
    "İ" * 100,
    "ͫ" * 50,
    "\U000e0001",
    "x\u00ad",
    "𝓃𝑔𝒾𝓃𝓍",
)
TRAVERSAL = (
    "../../etc/passwd",
    "..",
    ".",
    "/etc/shadow",
    "a/../../b",
    "....//",
    "..\\..\\x",
    "%2e%2e%2f",
    "C:\\x",
    "~root",
    "$HOME",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "| cat",
    "a b",
    "-rf",
    "--kubeconfig=/x",
    "${slipway.output}",
    "{{ .Values }}",
    "{{`x`}}",
    "%s%n",
    "' OR 1=1 --",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "*",
    "?",
    "a:b:c",
    "@x",
    "#",
)
INJECTED = (
    '"a\\nb: c"',
    '"a\\r\\nHost: x"',
    '"a\\0b"',
    '"\\e[31mred"',
    '"\\ud800"',
    '"a\\tb"',
    '"\\x7f"',
    '"\\u0085"',
    "|\n  a\n  b",
    ">\n  a\n\n  b",
    '"a\\n---\\nkind: Secret"',
    '"a\\\n  b"',
    "'a\n\n  b'",
    '"\\u2029x"',
    '" a"',
    '"a "',
    '""',
    '"\\b"',
)
TAGS = (
    "!!python/object/apply:os.system ['true']",
    "!!python/name:os.system ''",
    "!!python/object/new:set [[1]]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!pairs [a: 1]",
    "!!binary aGk=",
    "!!timestamp 2016-03-19",
    "!!int ''",
    "!!int abc",
    "!!float ''",
    "!!float -",
    "!!bool maybe",
    "!!bool ''",
    "!!null x",
    "!!str [a]",
    "!!seq {a: b}",
    "!!map [a]",
    "!local x",
    "!%1b%0a x",
    "!<tag:x,2000:y> z",
    "! x",
    "!!merge x",
    "!!value =",
    "=",
    "<<",
    "!!int [1]",
    "!!float {a: 1}",
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


def wrong_types(random: Random, trees: list[Tree]) -> StackFile:
    """Something of another type at any depth, inner nodes included."""
    tree = copy.deepcopy(random.choice(trees))
    nodes = sorted({leaf[:n] for leaf in leaves(tree) for n in range(1, len(leaf) + 1)}, key=str)
    for way in random.sample(nodes, random.randint(1, 3)):
        value = random.choice(_TYPES)
        try:
            put(tree, way, value)
        except (TypeError, KeyError, IndexError):
            continue  # an earlier change took its parent away
    return StackFile("wrong types", text_of(tree).encode())


def bombs(random: Random, _: list[Tree]) -> StackFile:
    """Aliases and merge keys that stand for far more than they are."""
    width, depth = random.randint(2, 12), random.randint(3, 14)
    kind = random.choice(["list", "mapping", "merge", "keys", "self", "chain", "anchors"])
    lines = {
        "list": ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth))],
        "mapping": [
            "a0: &a0 {x: 1}",
            *(f"a{n}: &a{n} {{{', '.join(f'k{i}: *a{n - 1}' for i in range(width))}}}" for n in range(1, depth)),
        ],
        "merge": [
            "a0: &a0 {x: 1}",
            *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * width)}]}}" for n in range(1, depth)),
        ],
        "keys": ["a0: &a0 [x]", *(f"? &a{n} [{', '.join([f'*a{n - 1}'] * width)}]\n: 1" for n in range(1, depth))],
        "self": ["a: &a {b: *a}", "c: &c [*c, *a]"],
        "chain": ["a0: &a0 x", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 60))],
        "anchors": [f"a{n}: &a [*a]" if n else "a0: &a x" for n in range(depth * 10)],
    }[kind]
    top = random.choice(["", f"config:\n  {PROJECT}:apps: *a{depth - 1}\n"])
    return StackFile("bombs", ("\n".join(lines) + "\n" + top).encode())


def deep(random: Random, _: list[Tree]) -> StackFile:
    """Nesting, wide lists and huge scalars."""
    n = random.choice([10, 49, 50, 51, 300, 3000, 12_000])
    bodies = (
        "[" * n + "]" * n,
        "{a: " * n + "x" + "}" * n,
        "- " * n,
        "\n".join(" " * (i + 2) + "a:" for i in range(min(n, 400))),
        "'" + "[" * n + "]" * n + "'",
        "'" + '{"a":' * n + "1" + "}" * n + "'",
        "[" + "a, " * n + "]",
        "{" + ", ".join(f"k{i}: 1" for i in range(n)) + "}",
        '"' + "x" * n * 8 + '"',
        "&a " * min(n, 40) + "x",
        "? " * n,
        "\n" + "".join(f"    k{i}: {{cluster: k{i}}}\n" for i in range(min(n, 2400))),
        "'" + "[1," * n + "'",
        "#" * n * 8,
    )
    key = random.choice([*MAPPINGS, "owner", "lifecycle"])
    return StackFile("deep and huge", f"config:\n  {PROJECT}:{key}: {random.choice(bodies)}\n".encode()[:120_000])


def twice(random: Random, trees: list[Tree]) -> StackFile:
    """A key given twice, at any depth and in any of its spellings."""
    text = text_of(random.choice(trees))
    lines = text.splitlines()
    keys = [i for i, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("-")]
    spot = random.choice(keys)
    line = lines[spot]
    head, _, _ = line.partition(": ")
    if random.random() < 0.3:
        short = f"  {random.choice(MAPPINGS)}: {{}}"
        return StackFile("twice", "\n".join([*lines, short, short]).encode())
    lines.insert(spot, f"{head.rstrip(':')}: 1")
    return StackFile("twice", "\n".join(lines).encode())


def not_text(random: Random, trees: list[Tree]) -> StackFile:
    """Other encodings, NUL bytes, tabs, cut files, noise."""
    content = text_of(random.choice(trees)).encode()
    spot = random.randrange(len(content))
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: content.decode().encode("utf-16"),
        lambda: content.decode().encode("utf-32"),
        lambda: content + b"  slipway:owner: caf\xe9\n",
        lambda: content[:spot] + b"\x00" + content[spot:],
        lambda: content[:spot] + b"\xff\xfe" + content[spot:],
        lambda: content[:spot] + b"\xed\xa0\x80" + content[spot:],
        lambda: content.replace(b"  ", b"\t"),
        lambda: content[:spot] + b"\t" + content[spot:],
        lambda: content[:spot],
        lambda: content[spot:],
        lambda: random.randbytes(random.randint(0, 400)),
        lambda: b"%YAML 9.9\n---\n" + content,
        lambda: content + b"---\n" + content,
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.replace(b"\n", b"\r"),
        lambda: content[:spot] + random.randbytes(4) + content[spot + 4 :],
    )
    return StackFile("not text", random.choice(kinds)())


CATEGORIES: tuple[Callable[[Random, list[Tree]], StackFile], ...] = (
    right,
    planted,
    unknown_keys,
    wrong_types,
    placed("huge numbers", HUGE),
    quoted("Unicode", UNICODE),
    quoted("paths and shells", TRAVERSAL),
    placed("injected", INJECTED),
    placed("tags", TAGS),
    bombs,
    deep,
    twice,
    not_text,
)
"""Each makes one file of its category."""
