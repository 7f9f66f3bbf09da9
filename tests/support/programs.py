"""Stand-ins for kubectl and other programs: they answer as told and write down how they were called."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """\
#!{python}
import json, pathlib, re, sys
home = pathlib.Path({home!r})
text = "" if sys.stdin.isatty() else sys.stdin.read()
with (home / "calls").open("a") as log:
    log.write(json.dumps({{"arguments": sys.argv[1:], "stdin": text}}) + "\\n")
answers = json.loads((home / "answers").read_text())
for answer in answers:
    if re.search(answer["pattern"], " ".join(sys.argv[1:])):
        if answer["once"]:
            answers.remove(answer)
            (home / "answers").write_text(json.dumps(answers))
        sys.stdout.write(answer["out"])
        sys.stderr.write(answer["err"])
        sys.exit(answer["code"])
sys.stderr.write("error: no answer for " + " ".join(sys.argv[1:]))
sys.exit(9)
"""


@dataclass(frozen=True)
class Call:
    arguments: list[str]
    stdin: str

    @property
    def line(self) -> str:
        """The arguments in one line."""
        return " ".join(self.arguments)


class FakeProgram:
    """A program on disk that answers calls by pattern; the first pattern that fits counts."""

    def __init__(self, home: Path, name: str) -> None:
        self._home = home / f"fake-{name}"
        self._home.mkdir()
        self._answers: list[dict[str, Any]] = []
        self.path = self._home / name
        self.path.write_text(_SCRIPT.format(python=sys.executable, home=str(self._home)), encoding="utf-8")
        self.path.chmod(0o755)
        self._write()

    def _write(self) -> None:
        (self._home / "answers").write_text(json.dumps(self._answers), encoding="utf-8")

    def on(self, pattern: str, out: object = "", *, err: str = "", code: int = 0, once: bool = False) -> None:
        """Answer calls whose arguments fit `pattern` (`once`: only the first such call, none answered side by side
        then); a list stands for a Kubernetes List, later answers win."""
        text = out if isinstance(out, str) else json.dumps({"kind": "List", "items": out})
        self._answers.insert(0, {"pattern": pattern, "out": text, "err": err, "code": code, "once": once})
        self._write()

    @property
    def calls(self) -> list[Call]:
        file = self._home / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [Call(**cast("dict[str, Any]", json.loads(line))) for line in lines]
