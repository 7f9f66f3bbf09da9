"""No version of any file in the git history holds a credential in clear."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ops.project import project_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

# What issuers of credentials say that theirs look like, and private keys as files hold them.
PATTERNS = {
    "private key": rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY(?: BLOCK)?-----\r?\n[A-Za-z0-9+/]{40}",
    "AWS access key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub token": rb"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b",
    "Google key": rb"\bAIza[0-9A-Za-z_-]{35}\b",
    "Google service account": rb'"private_key_id"\s*:\s*"[0-9a-f]{40}"',
    "Slack token": rb"\bxox[abprs]-[0-9A-Za-z-]{20,}",
    "Pulumi token": rb"\bpul-[0-9a-f]{40}\b",
    "Stripe key": rb"\bsk_live_[0-9A-Za-z]{20,}",
    "npm or PyPI token": rb"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    "bearer token": rb"\beyJhbGciOi[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "state in clear": rb'"4dabf18193072939515e22adb298388d":\s*"[0-9a-f]{32}",\s*"plaintext":\s*"\\?"[^"]{8,}',
    "kubeconfig's key": rb"client-key-data:\s*LS0tLS1CRUdJTi[A-Za-z0-9+/=]{40,}",
}
EVERYTHING = re.compile(b"|".join(b"(?:" + pattern + b")" for pattern in PATTERNS.values()))
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
        if len(content) <= LIMIT_BYTES and EVERYTHING.search(content):
            found |= {(path, name) for name, pattern in PATTERNS.items() if re.search(pattern, content)}
    assert looked > 100
    assert sorted(found) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("private key", "-----BEGIN " + "PRIVATE KEY-----\n" + "M" * 64),
        ("AWS access key", "id = AKIA" + "Q3EGWUD7XQ2ZB5LK"),
        ("GitHub token", "ghp" + "_" + "a1" * 18),
        ("bearer token", "eyJhbGciOi" + "JIUzI1NiJ9" + ".eyJ" + "a" * 24 + "." + "b" * 24),
        ("kubeconfig's key", "client-key-data: LS0tLS1CRUdJTi" + "A" * 48),
    ],
)
def test_the_patterns_find_what_they_are_for(name: str, text: str) -> None:
    assert re.search(PATTERNS[name], text.encode())
    assert EVERYTHING.search(text.encode())
