"""Stack files for the configuration campaign: right ones, ones with planted mistakes, and with hostile texts."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from stacks.settings import Settings, SettingsError, parse
from stacks.stack_file import read_stack_config
from tests.support import cases
from tests.support.settings import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

Tree = dict[str, Any]
Way = tuple[str | int, ...]
HOSTILE: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
LONG = ("0x" + "f" * 40, "0b" + "1" * 200, "9" * 30, "-" + "9" * 30, "9" * 4299, "9" * 5000, "0." + "9" * 400)
LONG_TEXTS = ("a" * 64, "İ" * 100, "\u036b" * 50)


@dataclass(frozen=True)
class StackFile:
    """One generated stack file, and the key paths in it that are wrong for certain."""

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


def outcome(directory: Path, content: bytes) -> Settings | SettingsError:
    """What comes of a stack file; any other exception is a failure."""
    (directory / "Pulumi.x.yaml").write_bytes(content)
    try:
        config = read_stack_config(directory, "x")
        return parse(config.values, project=config.project, source=config.source)
    except SettingsError as error:
        return error


def look_at_refusal(error: SettingsError) -> None:
    """A refusal can be printed, is short, and says what would be right."""
    assert error.problems
    assert all(line.isprintable() for line in str(error).splitlines())
    assert "Traceback" not in str(error)
    for problem in error.problems:
        assert problem.remedy.strip(), problem
        assert len(problem.value or "") <= 200, problem
        assert max(len(problem.path), len(problem.remedy)) <= 1000, problem


def entries(value: Any) -> Iterable[tuple[str | int, Any]]:
    """What a mapping or a list holds."""
    if isinstance(value, dict):
        return cast("dict[str | int, Any]", value).items()
    return enumerate(cast("list[Any]", value)) if isinstance(value, list) else ()


def spots(tree: Any, way: Way = ()) -> list[Way]:
    """The paths of everything in a tree."""
    return [found for key, item in entries(tree) for found in ((*way, key), *spots(item, (*way, key)))]


def get(tree: Any, way: Way) -> Any:
    for key in way:
        tree = tree[key]
    return tree


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
    keys = random.sample(list(tree), len(tree))
    return StackFile("right", text_of({key: tree[key] for key in keys}).encode(), right=True)


_NEVER_RIGHT: tuple[Any, ...] = ([], [[1]], {"a": {"b": 1}}, ["x"], "\x07", "a\nb", "\u202eabc", {"": 0})
"""No leaf of the base files takes any of these, whatever its type."""


def places(tree: Tree, depth: int) -> list[Way]:
    """Paths of the values that hold no others, and lie so deep at least."""
    return [way for way in spots(tree) if len(way) >= depth and not list(entries(get(tree, way)))]


def planted(random: Random, trees: list[Tree]) -> StackFile:
    """A right file in which one to five leaves are made wrong; each has to be named."""
    tree = copy.deepcopy(random.choice(trees))
    known = [way for way in places(tree, 3) if way[-1] not in ("kind", "ingress", "monitoring")]
    chosen = random.sample(known, min(len(known), random.randint(1, 5)))
    for *way, last in chosen:
        get(tree, tuple(way))[last] = random.choice(_NEVER_RIGHT)
    wrong = tuple(f"{PROJECT}:" + ".".join(map(str, way)) for way in chosen)
    return StackFile("planted", text_of(tree).encode(), wrong)


def placed(category: str, scalars: tuple[str, ...]) -> Callable[[Random, list[Tree]], StackFile]:
    """Files with one of these YAML scalars in place of a value or of a key, anywhere."""

    def make(random: Random, trees: list[Tree]) -> StackFile:
        tree = copy.deepcopy(random.choice(trees))
        *way, last = random.choice(places(tree, 2))
        scalar = random.choice(scalars)
        get(tree, tuple(way))[last] = "VALUE"
        text = text_of(tree)
        if random.random() < 0.3:
            line = next(line for line in text.splitlines() if line.rstrip().endswith("VALUE"))
            indent = line[: len(line) - len(line.lstrip(" -"))]
            text = text.replace(line, f"{indent}? {scalar}\n{' ' * len(indent)}: 1", 1)
        return StackFile(category, text.replace("VALUE", scalar, 1).encode("utf-8", "surrogatepass"))

    return make


def quoted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(json.dumps, texts))


CATEGORIES: tuple[Callable[[Random, list[Tree]], StackFile], ...] = (
    right,
    planted,
    placed("huge numbers", (*HOSTILE["numbers"], *LONG)),
    placed("Unicode", quoted((*HOSTILE["unicode"], *LONG_TEXTS))),
    placed("paths and shells", quoted(HOSTILE["paths"])),
    placed("injected", tuple(HOSTILE["injected"])),
)
"""Each makes one file of its category."""
