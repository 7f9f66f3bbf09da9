"""The audit: what is found, accepted, stale, or could not be asked, and the exit code of each."""

from __future__ import annotations

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from ops.audit import checkers
from ops.audit.report import Accepted, Checked, Finding, judge, read_accepted
from ops.errors import OpsError
from ops.sbom.model import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = dt.date(2026, 11, 21)
BAD = Finding("GHSA-1", "pkg:npm/left", "1.0.0", ("1.0.1",), "It breaks", ("CVE-2026-1",))


def entry(identifier: str = "GHSA-1", package: str = "pkg:npm/left", until: dt.date = dt.date(2027, 1, 1)) -> Accepted:
    return Accepted(identifier, package, "no fix exists and the code is not reached", until)


def test_nothing_found_is_fine() -> None:
    assert judge([Checked("npm", 3)], [], TODAY).code == 0


def test_what_nobody_accepted_is_to_be_done() -> None:
    report = judge([Checked("npm", 3, (BAD,))], [entry(package="pkg:npm/other")], TODAY)
    assert report.code == 1
    assert report.open == (BAD,)
    assert report.stale == ("GHSA-1 of pkg:npm/other is accepted but not found any more; take the entry out",)


@pytest.mark.parametrize("identifier", ["GHSA-1", "CVE-2026-1"])
def test_an_accepted_finding_is_told_with_its_reason(identifier: str) -> None:
    report = judge([Checked("npm", 3, (BAD,))], [entry(identifier)], TODAY)
    assert report.code == 0
    assert report.accepted == ((BAD, "no fix exists and the code is not reached"),)


def test_acceptance_ends_on_its_day() -> None:
    report = judge([Checked("npm", 3, (BAD,))], [entry(until=TODAY)], TODAY)
    assert report.code == 1
    assert report.open == (BAD,)
    assert "was accepted until 2026-11-21" in report.stale[0]


def test_what_could_not_be_asked_is_told_apart() -> None:
    """Neither good nor bad; and an entry is not stale only because nobody could look."""
    unchecked = Checked("npm", 3, unchecked="no such host")
    assert judge([unchecked, Checked("maven", 1)], [entry()], TODAY).code == 3
    assert judge([unchecked, Checked("go", 1, (BAD,))], [], TODAY).code == 1
    assert judge([unchecked], [], TODAY).as_dict()["checked"][0]["unchecked"] == "no such host"


@pytest.mark.parametrize(
    "text",
    [
        "- {id: a, package: b, reason: one two three four five}",
        "- {id: a, package: b, reason: short, until: 2027-01-01}",
        "- {id: a, package: b, reason: one two three four five, until: soon}",
        "- a",
        "a: [",
    ],
)
def test_a_wrong_file_of_accepted_findings(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit-accepted.yaml").write_text(text)
    with pytest.raises(OpsError, match=r"audit-accepted\.yaml"):
        read_accepted(tmp_path / "audit-accepted.yaml")


def test_the_projects_own_file_can_be_read() -> None:
    from ops.project import project_dir

    read_accepted(project_dir() / "audit-accepted.yaml")


ADVISORY: dict[str, Any] = {
    "id": "GHSA-1",
    "summary": "It breaks",
    "aliases": ["CVE-2026-1"],
    "affected": [{"ranges": [{"events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}]}],
}


class _Database(BaseHTTPRequestHandler):
    """OSV's interface, for one advisory about one package."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hits = [
            {"vulns": [{"id": "GHSA-1"}]} if "%40a/left@1.0.0" in q["package"]["purl"] else {} for q in asked["queries"]
        ]
        self._answer({"results": hits})

    def do_GET(self) -> None:
        self._answer(ADVISORY)

    def _answer(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        del format, args


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("SLIPWAY_OSV_URL", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield url
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("database")
def test_osv_is_asked_by_package_url() -> None:
    parts = [Part("npm", name, "1.0.0", ("lock",)) for name in ("@a/left", "right")]
    found = checkers.osv("npm", parts)
    assert found.findings == (
        Finding("GHSA-1", "pkg:npm/%40a/left", "1.0.0", ("1.0.1",), "It breaks", ("CVE-2026-1",)),
    )
    assert found.unchecked == ""
    assert found.count == 2


def test_a_database_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_OSV_URL", "http://127.0.0.1:9")
    found = checkers.osv("npm", [Part("npm", "left", "1.0.0", ("lock",))])
    assert "http://127.0.0.1:9 cannot be asked" in found.unchecked
    assert found.findings == ()
