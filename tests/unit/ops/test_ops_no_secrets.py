"""No version of any file in the git history holds a credential in clear."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ops.project import project_dir
from tests.support.credentials import named

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES = 4 * 2**20


def versions() -> Iterator[tuple[str, bytes]]:
    """Every version of every file: its path and its content."""
    project = project_dir()
    if shutil.which("git") is None or not (project / ".git").exists():
        pytest.skip("this is no clone with a git history")
    listed = subprocess.run(
        ["git", "rev-list", "--objects", "--all", "--filter=blob:limit=4m"],
        cwd=project,
        capture_output=True,
        check=True,
    ).stdout
    paths = {line[:40]: line[41:].decode("utf-8", "replace") for line in listed.splitlines() if len(line) > 41}
    done = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=project, input=b"\n".join(paths), capture_output=True, check=True
    ).stdout
    position = 0
    while position < len(done):
        end = done.index(b"\n", position)
        name, kind, size = done[position:end].split()
        if kind == b"blob":
            yield paths[name], done[end + 1 : end + 1 + int(size)]
        position = end + 2 + int(size)


def test_the_history_holds_no_credential() -> None:
    looked, found = 0, set[tuple[str, str]]()
    for path, content in versions():
        looked += 1
        if len(content) <= LIMIT_BYTES:
            found |= {(path, name) for name in named(content)}
    assert looked > 100
    assert sorted(found) == []
