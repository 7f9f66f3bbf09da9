"""Stack files as people write them, wrong ones above all: one clear message, quickly, and never a traceback."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR
from stacks.settings import SettingsError, parse
from stacks.stack_file import StackConfig, read_stack_config
from tests.support import cases

if TYPE_CHECKING:
    from pathlib import Path

QUICK_SECONDS = 1.0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: slipway\n"
        "config:\n"
        "  slipway:lifecycle: {type: string, default: ephemeral}\n"
        "  owner: {type: string, default: slipway}\n"
        "  slipway:apps: {type: object, default: {}}\n"
        "  slipway:replicas: 3\n"
        "  slipway:clusters: {type: object}\n"
    )
    (tmp_path / "Pulumi.dev.yaml").write_bytes((PROJECT_DIR / "Pulumi.dev.yaml").read_bytes())
    return tmp_path


def read(project: Path, text: str | bytes) -> StackConfig:
    (project / "Pulumi.x.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_stack_config(project, "x")


def message(project: Path, text: str | bytes) -> str:
    """The error of a file that cannot be read."""
    with pytest.raises(SettingsError) as caught:
        read(project, text)
    assert str(caught.value).startswith("Pulumi.x.yaml: ")
    assert "nothing was changed" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def test_a_missing_file_is_told_with_those_that_are_there(project: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_stack_config(project, "prdo")
    text = str(caught.value)
    assert text.startswith("Pulumi.prdo.yaml: ")
    assert "does not exist" in text
    assert "Pulumi.dev.yaml" in text


def test_a_directory_in_place_of_the_file(project: Path) -> None:
    (project / "Pulumi.x.yaml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_stack_config(project, "x")


@pytest.mark.parametrize(
    "stack",
    [
        *("../dev", "..", ".", "dev;rm", "*", "-dev", "dev-", "_dev", "dev.", "org/project/"),
        *("", "a b", "x\n", "\x00", "a" * 64),
    ],
)
def test_a_stack_name_cannot_leave_the_directory(project: Path, stack: str) -> None:
    (project.parent / "Pulumi.dev.yaml").write_text("config: {}")
    with pytest.raises(SettingsError) as caught:
        read_stack_config(project / "nowhere" if stack == "../dev" else project, stack)
    assert "nothing was changed" in str(caught.value)


def test_a_fully_qualified_stack_name_is_its_last_part(project: Path) -> None:
    assert read_stack_config(project, "organization/slipway/dev").stack == "dev"


# Name to file and what the message holds.
WRONG: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "syntax": ("config:\n  slipway:owner: [a\n", ("line 3, column 1", "correct the YAML syntax")),
    "indentation": ("config:\n  a: 1\n b: 2\n", ("line 3, column 2",)),
    "tab": ("config:\n\tslipway:owner: a\n", ("line 2, column 1",)),
    "key twice": (
        "config:\n  slipway:owner: a\n  slipway:owner: b\n",
        ("line 3, column 3", "'slipway:owner' stands twice (first in line 2)"),
    ),
    "app twice": (
        "config:\n  slipway:apps:\n    nginx: {cluster: a}\n    todo: {cluster: a}\n    nginx: {cluster: b}\n",
        ("line 5, column 5", "'nginx' stands twice (first in line 3)"),
    ),
    "no mapping": ("- a\n- b\n", ("must be a mapping with the key config",)),
    "text": ("hello", ("hello", "must be a mapping")),
    "unknown key": ("confg: {}\n", ("confg", "unknown key", "config")),
    "config is a list": ("config: [a]\n", ("config", "must be a mapping of namespaced keys")),
    "not UTF-8": (b"config:\n  slipway:owner: caf\xe9\n", ("is not UTF-8 text (byte 28)",)),
    "control character": (b"config: \x01\n", ("correct the YAML syntax",)),
    "two documents": ("config: {}\n---\nconfig: {}\n", ("line 2, column 1",)),
    "python object": ("config: !!python/object/apply:os.system ['true']\n", ("line 1", "correct the YAML syntax")),
    "unknown tag": ("config: !thing a\n", ("line 1", "correct the YAML syntax")),
    "unknown anchor": ("config: *nowhere\n", ("line 1", "correct the YAML syntax")),
    "structured key": ("config: {[a]: b}\n", ("line 1",)),
    "mapping as key": ("? {a: b}\n: c\n", ("line 1", "a key must be plain text")),
    "too large": (b"# " + b"x" * 100_001, ("has more than 100000 bytes",)),
    "deep": ("config: " + "[" * 200 + "]" * 200, ("nested deeper than 50",)),
    "very deep": ("config: " + "[" * 20_000 + "]" * 20_000, ("nested",)),
    "very deep mappings": ("config: " + "{a: " * 15_000 + "}" * 15_000, ("nested",)),
    "refers to itself": ("config: &a [*a]\n", ("nested deeper than 50",)),
    "alias bomb": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
        + "config: *a11\n",
        ("remove aliases",),
    ),
    "merge bomb": (
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
        + "config: *a11\n",
        ("remove aliases",),
    ),
    "merge of no mapping": ("config:\n  <<: [1]\n", ("line 2", "correct the YAML syntax")),
    "wide": ("config: [" + "a," * 25_000 + "]", ("holds more than 5000 values",)),
    "number too long": ("config:\n  slipway:owner: " + "9" * 5000 + "\n", ("999...", "no whole number")),
    "no text tagged as number": ("config: {slipway:owner: !!int ''}", ("line 1, column 25", "no whole number")),
    "text tagged as number": ("config: {slipway:owner: !!float x}", ("x is no number",)),
    "text tagged as truth": ("config: {slipway:owner: !!bool maybe}", ("maybe is neither true nor false",)),
    "list tagged as text": ("config: {slipway:owner: !!str [a]}", ("wants a plain value",)),
    "list tagged as mapping": ("config: {slipway:apps: !!map [a]}", ("tagged as a mapping",)),
    "mapping tagged as list": ("config: {slipway:apps: !!seq {a: b}}", ("tagged as a list",)),
    # Python's sets have no order: the message would be another one in each run.
    "set": ("config: {slipway:owner: !!set {a, b, c}}", ("set is not known",)),
    "pairs": ("config: {slipway:apps: !!pairs [a: 1]}", ("pairs is not known",)),
    "bytes": ("config: {slipway:owner: !!binary aGk=}", ("binary is not known",)),
    "same key by number and text": ("config: {1: a, '1': b}", ("the key '1' stands twice",)),
    "same key with and without namespace": (
        "config: {apps: {}, slipway:apps: {}}",
        ("slipway:apps", "is the same key as apps"),
    ),
    "bomb in a key": ("a: &a [x, x]\n? [*a, *a]\n: 1\n", ("a key must be plain text",)),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(project: Path, name: str) -> None:
    content, texts = WRONG[name]
    start = time.process_time()
    told = message(project, content)
    if name.endswith("bomb") or "itself" in name:
        assert time.process_time() - start < QUICK_SECONDS
    for text in texts:
        assert text in told


@pytest.mark.parametrize(
    "text",
    [
        "config: !%1b[31mred%0a a\n",
        '"x\\e[31m\\ny": 1\n',
        'config: {"apps\\e[31m": {}, "slipway:apps\\e[31m": {}}\n',
        f"config: *{'a' * 5000}\n",
    ],
)
def test_a_message_repeats_no_control_character_and_no_page_of_the_file(project: Path, text: str) -> None:
    told = message(project, text)
    assert told.replace("\n", "").isprintable()
    assert len(told.splitlines()) <= 3
    assert len(told) < 500


def test_only_regular_files_are_read(project: Path) -> None:
    """A pipe would be waited for; a device has no end."""
    os.mkfifo(project / "Pulumi.x.yaml")
    with pytest.raises(SettingsError, match="no regular file"):
        read_stack_config(project, "x")
    (project / "Pulumi.y.yaml").symlink_to("/dev/zero")
    with pytest.raises(SettingsError, match="no regular file"):
        read_stack_config(project, "y")


def test_plain_scalars_are_told_apart_as_the_engine_does(project: Path) -> None:
    """YAML 1.2: `yes`, dates and `1:30` are text."""
    config = read(
        project, "config:\n  slipway:apps: [yes, on, 190:20:30, 2016-03-19, NaN, 10, -1, 1.36, True, ~, .inf]\n"
    )
    listed = config.values["slipway:apps"]
    assert listed == '["yes", "on", "190:20:30", "2016-03-19", "NaN", 10, -1, 1.36, true, null, Infinity]'


NUMBERS = "0123456=42798 0o17=15 12345e67=1.2345e+71 1e3=1000.0 1_000=1000 0x10=16 007=7 1.10=1.1"


@pytest.mark.parametrize(("text", "number"), [pair.split("=") for pair in NUMBERS.split()])
def test_a_number_that_may_be_meant_as_text_is_refused(project: Path, text: str, number: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(project, f"config:\n  slipway:owner: {text}\n")
    said = (
        f"line 2, column 18: {text} without quotes is the number {number}: if it is text, quote it; else write {number}"
    )
    assert said in str(caught.value)
    assert read(project, f"config:\n  slipway:owner: '{text}'\n").values["slipway:owner"] == text


def test_an_empty_file_has_the_projects_defaults(project: Path) -> None:
    defaults = {
        "slipway:lifecycle": "ephemeral",
        "slipway:owner": "slipway",
        "slipway:apps": "{}",
        "slipway:replicas": "3",
    }
    assert read(project, "").values == defaults
    assert read(project, "config:\n").values == defaults
    # A key without namespace belongs to the project.
    for text in ("config: {slipway:owner: me}", "config: {owner: me}"):
        assert read(project, text).values["slipway:owner"] == "me"


def test_merge_keys_work(project: Path) -> None:
    config = read(
        project,
        "config:\n  slipway:apps:\n    nginx: &n {cluster: a, replicas: 2}\n    todo: {<<: *n, replicas: 1}\n",
    )
    apps = json.loads(config.values["slipway:apps"])
    assert apps["todo"] == {"cluster": "a", "replicas": 1}


def test_values_come_out_as_the_engine_passes_them(project: Path) -> None:
    """The engine gives a program a flat mapping of text, structures as JSON."""
    config = read(
        project,
        "config:\n"
        "  slipway:owner: me\n"
        "  slipway:flag: true\n"
        "  slipway:number: 12\n"
        "  slipway:nothing: null\n"
        "  slipway:date: 2016-03-19\n"
        "  slipway:list: [1, a]\n"
        "  slipway:apps:\n    nginx:\n      replicas: 2\n",
    )
    assert config.values == {
        "slipway:lifecycle": "ephemeral",
        "slipway:replicas": "3",
        "slipway:owner": "me",
        "slipway:flag": "true",
        "slipway:number": "12",
        "slipway:date": "2016-03-19",
        "slipway:list": '[1, "a"]',
        "slipway:apps": '{"nginx": {"replicas": 2}}',
    }


def test_secrets_are_named_and_other_top_level_keys_are_known(project: Path) -> None:
    text = (
        "secretsprovider: awskms://alias/x\nencryptedkey: abc\nencryptionsalt: v1:x\nenvironment: [a]\n"
        "config:\n  slipway:token:\n    secure: v1:abc\n"
        "  slipway:deep:\n    a: [{secure: v1:def}]\n  slipway:owner: me\n"
    )
    assert read(project, text).secret_keys == ("slipway:deep", "slipway:token")


@pytest.mark.parametrize(
    "text",
    ["[]", "name: slipway\nconfig: [a]\n", "config: {slipway:owner: 1}\nconfig: {}\n", "name: [\n"],
)
def test_a_wrong_project_file_is_told(project: Path, text: str) -> None:
    (project / "Pulumi.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"Pulumi\.yaml"):
        read_stack_config(project, "dev")


def test_the_files_path_and_the_engines_path_give_the_same_settings(stack: str) -> None:
    """Read from the file, and passed by the engine as JSON in its own formatting and order."""
    config = cases.case(stack)
    from_file = parse(config.values, project=config.project, source="file")
    passed = {
        key: json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True) if text[:1] in "{[" else text
        for key, text in sorted(config.values.items())
        if text
    }
    assert parse(passed, project=config.project, source="engine") == from_file


def test_foreign_namespaces_are_refused_and_pulumis_own_is_not_ours(stack: str) -> None:
    config = cases.case(stack)
    parse({**config.values, "pulumi:tags": "{}"}, project=config.project, source="s")
    with pytest.raises(SettingsError) as caught:
        parse({**config.values, "aws:region": "ap-northeast-1"}, project=config.project, source="s")
    (problem,) = caught.value.problems
    assert (problem.path, problem.value) == ("aws:region", "ap-northeast-1")
    assert "unknown namespace" in problem.remedy
