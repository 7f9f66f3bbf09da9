"""Generated stack configurations: whatever is wrong with them, at whatever depth, ends in one clear message.
SLIPWAY_EXAMPLES sets the number of examples of each test (200 by default); a long run takes 20000."""

from __future__ import annotations

import copy
import os
import re
from typing import TYPE_CHECKING, Any, cast

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.settings import Settings, SettingsError, parse
from stacks.settings.problems import shown
from stacks.stack_file import read_stack_config
from tests.support.hostile import base_trees
from tests.support.settings import PROJECT, engine_values

if TYPE_CHECKING:
    from pathlib import Path

    from stacks.settings import Problem

EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "200"))
moderate = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
_JARGON = re.compile(
    r"\b(String|Input|Value|Tuple|List|Dictionary|Keys|Field|Extra inputs|Assertion) (should|must|are)\b"
)
_TEXTS = [
    "kind",
    "gke",
    "embedded",
    "local",
    "nginx",
    "1",
    "0",
    "-1",
    "100m",
    "1Gi",
    "true",
    "null",
    "a.b",
    "a | b = c",
]

words = st.one_of(st.sampled_from(_TEXTS), st.text(max_size=12))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-2, max_value=40000),
    st.floats(),
    words,
    st.text(alphabet="0123456789", min_size=300, max_size=500),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)


def spots(tree: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of everything in a tree."""
    found: list[tuple[str | int, ...]] = []
    entries: list[tuple[str | int, Any]] = []
    if isinstance(tree, dict):
        entries = list(cast("dict[str | int, Any]", tree).items())
    elif isinstance(tree, list):
        entries = list(enumerate(cast("list[Any]", tree)))
    for key, item in entries:
        found += [(*way, key), *spots(item, (*way, key))]
    return found


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A right tree with one to four changes anywhere: a value replaced, a key removed, added, renamed or moved."""
    tree: Any = copy.deepcopy(draw(st.sampled_from(base_trees())))
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(spots(tree) or [("clusters",)]))
        parent = tree
        for key in way:
            parent = parent[key]
        match draw(st.sampled_from(["replace", "remove", "add", "rename", "copy"])):
            case "replace":
                parent[last] = draw(anything)
            case "remove":
                del parent[last]
            case "add" if isinstance(parent, dict):
                parent[draw(words)] = draw(anything)
            case "rename" if isinstance(parent, dict):
                parent[draw(words)] = cast("dict[str | int, Any]", parent).pop(last)
            case "copy":
                *source, key = draw(st.sampled_from(spots(tree)))
                other = tree
                for part in source:
                    other = other[part]
                parent[last] = copy.deepcopy(other[key])
            case _:
                parent[last] = draw(scalars)
        tree = tree or {"clusters": {}}
    return tree


def exists(tree: Any, path: str) -> bool:
    """Whether a dotted path leads to something in a tree; keys may hold dots, and odd ones are shown escaped."""
    if path == "":
        return True
    if isinstance(tree, dict):
        named = [(shown(key), item) for key, item in cast("dict[str, Any]", tree).items()]
        return any(
            path == key or (path.startswith(f"{key}.") and exists(item, path[len(key) + 1 :])) for key, item in named
        )
    if isinstance(tree, list):
        head, _, rest = path.partition(".")
        entries = cast("list[Any]", tree)
        return head.isdecimal() and int(head) < len(entries) and exists(entries[int(head)], rest)
    return False


def leads_somewhere(tree: dict[str, Any], problem: Problem) -> bool:
    """Whether a problem's path is there, or is that of a missing key below something that is there."""
    path = problem.path.removeprefix(f"{PROJECT}:")
    return exists(tree, path) or exists(tree, path.rpartition(".")[0])


def outcome(values: dict[str, str]) -> Settings | SettingsError:
    """What comes of a configuration; any other exception is a failure."""
    try:
        return parse(values, project=PROJECT, source="generated")
    except SettingsError as error:
        return error


def check(tree: dict[str, Any]) -> None:
    """Parse a tree: settings, or an error whose problems lead somewhere and say what would be right."""
    result = outcome(engine_values(tree))
    if isinstance(result, Settings):
        return
    assert result.problems
    for problem in result.problems:
        assert problem.path.startswith(f"{PROJECT}:"), problem
        assert leads_somewhere(tree, problem), problem
        assert problem.remedy.strip(), problem
        assert not _JARGON.search(problem.remedy), problem
        assert str(problem).replace("\n", "").isprintable(), problem
        assert len(problem.value or "") <= 200, problem
    paths = [problem.path for problem in result.problems]
    assert len(set(paths)) == len(paths), paths


@moderate
@given(broken())
def test_broken_configurations(tree: dict[str, Any]) -> None:
    check(tree)


@moderate
@given(st.dictionaries(st.sampled_from(["clusters", "apps", "owner", "lifecycle", "clouds", "state"]), anything))
def test_configurations_from_nothing(tree: dict[str, Any]) -> None:
    check(tree)


@moderate
@given(st.dictionaries(st.sampled_from(["clusters", "apps", "owner", "zones", "x"]), words))
def test_text_in_place_of_structures(tree: dict[str, str]) -> None:
    """The engine passes a structured key as text; somebody may have set any text."""
    result = outcome({f"{PROJECT}:{key}": text for key, text in tree.items()})
    assert isinstance(result, SettingsError), tree
    assert result.problems


def read(directory: Path, content: bytes) -> Settings | SettingsError:
    (directory / "Pulumi.yaml").write_text("name: slipway\n")
    (directory / "Pulumi.x.yaml").write_bytes(content)
    try:
        config = read_stack_config(directory, "x")
    except SettingsError as error:
        return error
    return outcome(config.values)


@moderate
@given(tree=broken())
def test_broken_files(tree: dict[str, Any], tmp_path: Path) -> None:
    """The same through YAML and the stack file."""
    document = {"config": {f"{PROJECT}:{key}": value for key, value in tree.items()}}
    result = read(tmp_path, yaml.safe_dump(document, allow_unicode=True).encode())
    assert isinstance(result, Settings) or result.problems


@moderate
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_as_a_stack_file(tmp_path: Path, content: bytes) -> None:
    result = read(tmp_path, content)
    assert isinstance(result, SettingsError)
    assert result.problems
