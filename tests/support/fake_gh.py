"""A stand-in for GitHub's CLI: `gh api` on comments, issues and pull requests of the repository `owner/name`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

BOT = {"login": "github-actions[bot]"}
COMMIT = "a" * 40
_SCRIPT = """\
#!{python} -IS
import json, pathlib, sys
file = pathlib.Path({file!r})
world = json.loads(file.read_text())
api, flag, method, path, *options = sys.argv[1:]
assert (api, flag) == ("api", "--method") and path.startswith("repos/owner/name/")
path, _, query = path.removeprefix("repos/owner/name/").partition("?")
if world["refuse"]:
    print("gh: " + world["refuse"], file=sys.stderr)
    sys.exit(1)
if method == "GET":
    assert options == ["--paginate", "--jq", ".[]"]
    world["queries"].append(query)
    found = world["pulls" if path == "pulls" else "issues" if path == "issues" else "comments"]
    for entry in found:
        if path != "issues" or entry["state"] == "open":
            print(json.dumps(entry))
else:
    assert options == ["--input", "-"]
    body = json.load(sys.stdin)
    assert len(body.get("body", "").encode("utf-16-le")) // 2 <= 65536
    world["writes"].append([method, path])
    items, key = (world["comments"], "id") if path.startswith("issues/comments/") else (world["issues"], "number")
    if method == "POST" and path == "issues":
        item = {{"number": 40 + len(items), "user": {bot!r}, "state": "open"}}
        items.append(item)
    elif method == "POST":
        item = {{"id": 900 + len(world["comments"]), "user": {bot!r}, "on": path.split("/")[1]}}
        world["comments"].append(item)
    else:
        (item,) = [item for item in items if str(item[key]) == path.rsplit("/", 1)[1]]
    item.update(body)
    print(json.dumps(item))
file.write_text(json.dumps(world))
"""


class FakeGh:
    """The program on disk, and what GitHub keeps."""

    def __init__(self, home: Path) -> None:
        self.directory = home / "fake-gh"
        self.directory.mkdir()
        self._file = self.directory / "world"
        self._write({"pulls": [], "comments": [], "issues": [], "writes": [], "queries": [], "refuse": ""})
        program = self.directory / "gh"
        program.write_text(_SCRIPT.format(python=sys.executable, file=str(self._file), bot=BOT), encoding="utf-8")
        program.chmod(0o755)

    def _read(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self._file.read_text(encoding="utf-8")))

    def _write(self, world: dict[str, Any]) -> None:
        self._file.write_text(json.dumps(world), encoding="utf-8")

    def add(self, kind: str, *entries: dict[str, Any]) -> None:
        """Keep comments or issues."""
        world = self._read()
        world[kind] += entries
        self._write(world)

    def pull(self, number: int, *, sha: str = COMMIT, repository: str = "fork/name") -> None:
        """Keep an open pull request."""
        head = {"sha": sha, "ref": "branch", "repo": {"full_name": repository}}
        self.add("pulls", {"number": number, "head": head, "base": {"repo": {"full_name": "owner/name"}}})

    def refuse(self, said: str) -> None:
        """Refuse every call from now on."""
        self._write({**self._read(), "refuse": said})

    def __getitem__(self, kind: str) -> list[Any]:
        """What is kept, the oldest first: `comments` (`on` is the pull request's number), `issues`, `writes` (method
        and path of every call that changed something) and `queries` of the calls that asked."""
        return self._read()[kind]
