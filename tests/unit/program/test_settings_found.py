"""What generated stack files have found: each bug by the smallest configuration that shows it."""

from __future__ import annotations

import json
import time

import pytest

from stacks.settings import SettingsError, parse
from tests.support.settings import BASE, PROJECT, engine_values, problem, refuse, with_values

QUICK_SECONDS = 2.0


def told(values: dict[str, str]) -> SettingsError:
    """The error of values as the engine hands them over."""
    with pytest.raises(SettingsError) as caught:
        parse(values, project=PROJECT, source="x")
    return caught.value


def test_thousands_of_wrong_keys_are_told_in_no_time() -> None:
    """Each problem was compared with each other one: 15,000 took half a minute."""
    start = time.process_time()
    error = refuse({**BASE, "apps": {f"a{i}": 1 for i in range(4000)}})
    assert time.process_time() - start < QUICK_SECONDS
    assert len(error.problems) == 4000


def test_entries_of_a_kind_are_bounded() -> None:
    """Rules between entries look at each pair."""
    found = problem({**BASE, "clusters": {f"c{i}": {"kind": "embedded"} for i in range(51)} | BASE["clusters"]})
    assert (found.path, found.remedy) == ("slipway:clusters", "must have at most 50 entries")


@pytest.mark.parametrize(("text", "remedy"), [
    ("[" * 400 + "]" * 400, "nested deeper than 50"),
    ("[" * 100_000 + "]" * 100_000, "must be a mapping"),
    ("[" + "1," * 6000 + "1]", "holds more than 5000 values"),
    ('{"nginx": {"cluster": "a"}, "nginx": {"cluster": "b"}}', "holds the key nginx twice"),
])  # fmt: skip
def test_a_structure_given_as_text_is_bounded_too(text: str, remedy: str) -> None:
    """`pulumi config set` takes any text for a structured key."""
    found = told({**engine_values(BASE), f"{PROJECT}:apps": text}).problems
    assert [p.path for p in found] == ["slipway:apps"]
    assert remedy in found[0].remedy


@pytest.mark.parametrize("path", ["owner", "clusters.local.nodeAddress", "clusters.local.context", "apps.nginx.image"])
@pytest.mark.parametrize("value", ["a\nb: c", "a\x00", "a\x1b[31m", "a\u202eb", "a\u200bb", "\ud800", "a\u2028b"])
def test_no_setting_holds_what_cannot_be_printed(path: str, value: str) -> None:
    base = with_values({"clusters.local": {"kind": "existing"}})
    found = problem(with_values({path: value}, base))
    assert found.path == f"slipway:{path}"
    assert "must be printable text" in found.remedy
    assert str(found).replace("\n", "").isprintable()


def test_a_key_that_cannot_be_printed_is_told_where_it_stands() -> None:
    found = problem(with_values({"apps.\ud800": 1, "apps.nginx": {"cluster": "local"}}))
    assert found.path == "slipway:apps.'\\ud800'"
    foreign = told({**engine_values(BASE), "x\x1b[31m\ny:z": "1"})
    assert all(line.isprintable() for line in str(foreign).splitlines())
    assert foreign.problems[0].path == "'x\\x1b[31m\\ny:z'"


def test_json_written_by_python_and_by_the_engine_is_the_same_to_us() -> None:
    values = engine_values(BASE)
    ascii_only = {key: json.dumps(json.loads(text), ensure_ascii=True) for key, text in values.items()}
    assert parse(values, project=PROJECT, source="x") == parse(ascii_only, project=PROJECT, source="x")
