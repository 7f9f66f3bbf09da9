"""Texts in the manifests stay texts, whichever version of YAML reads them."""

from __future__ import annotations

import io
import json
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ruamel.yaml import YAML

from local import toolchain
from ops.render.files import to_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

AMBIGUOUS = (
    *("12345e67", "1e3", "1E3", "+1e3", "1.5e3", ".5", "5.", "+.5", "-.5", "1_000", "0x1F", "0o17", "0b101", "0123456"),
    *("0", "-0", "+1", "00", "089", "123456789012345678901234567890", "1:20", "12:30:45", "190:20:30.15"),
    *("NaN", ".nan", ".NaN", "inf", "-inf", ".inf", "-.Inf", "Infinity"),
    *("no", "No", "NO", "yes", "on", "Off", "y", "Y", "n", "N", "true", "True", "FALSE", "null", "Null", "~", ""),
    *("2026-11-30", "2026-11-30T16:00:00Z", "2026-11-30 16:00:00", "2001-1-1"),
    *["=", "<<", "-", "#a", "*a", "&a", "!a", "%a", "@a", "`a", "'a'", "{a}", "[a]"],
    *(
        '"a"',
        "- a",
        "? a",
        "a: b",
        "a #b",
        " a",
        "a ",
        "a\tb",
        "a\nb",
        "a\n",
        "\n",
        "a\n\n",
        " a\nb",
        "a \nb",
        "a\r\nb",
    ),
    *("\u00a0", "\u2028", "\ufeff", "h\u00e9"),
    *("66dd26bfc369a6fa", "1c8470b940d61280", "6e12345678901234", "127.0.0.1", "1.29", "1.29.3", "v1", "30080"),
)
"""Digests, tags, revisions, passwords and switches that some parser takes for something else than text."""
DOCUMENT: dict[str, Any] = {
    "values": list(AMBIGUOUS),
    "keys": dict.fromkeys(AMBIGUOUS, "value"),
    "others": {"port": 30080, "ratio": 0.5, "yes": True, "nothing": None, "empty": {}, "none": []},
}


def ruamel(version: tuple[int, int], text: str) -> Any:
    reader: Any = YAML(typ="safe", pure=True)
    reader.version = version
    return reader.load(io.StringIO(text))


@pytest.mark.parametrize("read", [yaml.safe_load, partial(ruamel, (1, 1)), partial(ruamel, (1, 2))])
def test_a_text_is_a_text_to_every_parser(read: Callable[[str], Any]) -> None:
    text = to_yaml([DOCUMENT])
    assert text == to_yaml([DOCUMENT])
    assert read(text) == DOCUMENT


def test_a_text_is_a_text_to_kubectl() -> None:
    """Its parser is one of YAML 1.1, with more words for true than others know."""
    texts = {f"text-{number}": text for number, text in enumerate(AMBIGUOUS)}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": texts}, "data": texts}
    done = subprocess.run(
        [str(toolchain.tool("kubectl")), "annotate", "--local", "-f", "-", "-o", "json", "read=1"],
        input=to_yaml([item]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert read["data"] == texts
    assert read["metadata"]["annotations"] == {**texts, "read": "1"}


def test_plain_words_are_not_quoted() -> None:
    assert to_yaml([{"image": "docker.io/library/nginx:1.29", "path": "/metrics"}]) == (
        "---\nimage: docker.io/library/nginx:1.29\npath: /metrics\n"
    )
