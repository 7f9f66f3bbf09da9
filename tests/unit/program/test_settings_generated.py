"""Generated stack configurations: whatever is wrong with them, at whatever depth, ends in one clear message.
SLIPWAY_EXAMPLES sets the number of examples of each test (200 by default); a long run takes 20000."""

from __future__ import annotations

import copy
import os
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.settings import SettingsError, parse
from stacks.settings.problems import shown
from tests.support.hostile import base_trees, entries, get, look_at_refusal, outcome, spots, text_of
from tests.support.settings import PROJECT, engine_values

if TYPE_CHECKING:
    from pathlib import Path

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


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A right tree with one to four changes anywhere: a value replaced, a key removed, added, renamed or moved."""
    tree: Any = copy.deepcopy(draw(st.sampled_from(base_trees())))
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(spots(tree) or [("clusters",)]))
        parent = get(tree, tuple(way))
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
                parent[last] = copy.deepcopy(get(tree, draw(st.sampled_from(spots(tree)))))
            case _:
                parent[last] = draw(scalars)
        tree = tree or {"clusters": {}}
    return tree


def exists(tree: Any, path: str) -> bool:
    """Whether a dotted path leads to something in a tree; keys may hold dots, and odd ones are shown escaped."""
    named = [(shown(str(key)) if isinstance(tree, dict) else str(key), item) for key, item in entries(tree)]
    return path == "" or any(
        path == key or (path.startswith(f"{key}.") and exists(item, path[len(key) + 1 :])) for key, item in named
    )


def check(tree: dict[str, Any]) -> None:
    """Parse a tree: settings, or an error whose problems lead somewhere and say what would be right."""
    try:
        parse(engine_values(tree), project=PROJECT, source="generated")
    except SettingsError as error:
        look_at_refusal(error)
        for problem in error.problems:
            prefix, _, path = problem.path.partition(":")
            assert prefix == PROJECT, problem
            # It is there, or would be a key of something that is.
            assert exists(tree, path) or exists(tree, path.rpartition(".")[0]), problem
            assert not _JARGON.search(problem.remedy), problem
        paths = [problem.path for problem in error.problems]
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
    with pytest.raises(SettingsError):
        parse({f"{PROJECT}:{key}": text for key, text in tree.items()}, project=PROJECT, source="generated")


any_bytes = st.binary(max_size=300) | st.text(max_size=300).map(str.encode)


@moderate
@given(content=broken().map(lambda tree: text_of(tree).encode()) | any_bytes)
def test_broken_files(tmp_path: Path, content: bytes) -> None:
    """The same through YAML and the stack file."""
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\n")
    result = outcome(tmp_path, content)
    if isinstance(result, SettingsError):
        look_at_refusal(result)
