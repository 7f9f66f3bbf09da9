"""pip-audit, govulncheck and the CycloneDX validator themselves, against databases on this machine.

They are installed or built first; where that is impossible the tests are skipped and say why.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from local import toolchain
from local.errors import LocalError
from local.progress import SilentProgress
from ops import sidecar
from ops.audit import checkers
from ops.project import project_dir
from ops.sbom.model import Part, document
from ops.sbom.sources import pinned
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.web import Request

PROGRESS = SilentProgress()
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(0 if error is None else str(error)[:2000])
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    try:
        return sidecar.environment("audit")
    except LocalError as error:
        pytest.skip(str(error))


def test_the_bill_of_materials_is_valid(programs: Path) -> None:
    for parts, valid in ((pinned(project_dir()), True), ([Part("npm", "a", "1", ("x",), {"SHA-0": "zz"})], False)):
        text = json.dumps(document("slipway", "1.0.0", parts))
        done = subprocess.run(
            [str(programs / "python"), "-c", VALIDATE], input=text, text=True, capture_output=True, check=False
        )
        assert (done.returncode == 0) is valid, done.stderr


def _osv(request: Request) -> tuple[int, bytes]:
    """OSV's /query: one advisory about one package."""
    asked = json.loads(request.body)
    body: dict[str, Any] = {}
    if asked["package"]["name"] == "left" and asked["version"] == "1.0.0":
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}]
        package = {"ecosystem": "PyPI", "name": "left"}
        body["vulns"] = [
            {
                "id": "PYSEC-1",
                "summary": "It breaks",
                "aliases": ["CVE-2026-1"],
                "affected": [{"package": package, "ranges": ranges, "versions": ["1.0.0"]}],
            }
        ]
    return 200, json.dumps(body).encode()


@pytest.fixture
def osv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(_osv) as port:
        monkeypatch.setenv("SLIPWAY_OSV_URL", f"http://127.0.0.1:{port}")
        yield


@pytest.mark.usefixtures("osv", "programs")
def test_pip_audit_finds_what_the_database_has() -> None:
    parts = [Part("pypi", n, v, ("lock",)) for n, v in (("left", "1.0.0"), ("left", "2.0.0"), ("right", "1.0.0"))]
    found = checkers.python("lock", parts, PROGRESS)
    assert found.unchecked == ""
    assert [(f.id, f.package, f.version, f.fixed, f.aliases) for f in found.findings] == [
        ("PYSEC-1", "pkg:pypi/left", "1.0.0", ("1.0.1",), ("CVE-2026-1",))
    ]


@pytest.mark.usefixtures("programs")
def test_pip_audit_without_its_database_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_OSV_URL", "http://127.0.0.1:9")
    assert "ConnectionError" in checkers.python("lock", [Part("pypi", "left", "1.0.0", ("lock",))], PROGRESS).unchecked


def test_govulncheck_finds_what_the_database_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        toolchain.tool("govulncheck")
    except LocalError as error:
        pytest.skip(str(error))
    advisory = {
        "schema_version": "1.3.1",
        "id": "GO-2026-0001",
        "modified": "2026-11-01T00:00:00Z",
        "published": "2026-11-01T00:00:00Z",
        "aliases": ["CVE-2026-2"],
        "summary": "It breaks",
        "affected": [
            {
                "package": {"name": "example.com/left", "ecosystem": "Go"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}],
                "ecosystem_specific": {"imports": [{"path": "example.com/left"}]},
            }
        ],
    }
    (tmp_path / "ID").mkdir()
    (tmp_path / "index").mkdir()
    (tmp_path / "ID" / "GO-2026-0001.json").write_text(json.dumps(advisory))
    (tmp_path / "index" / "db.json").write_text('{"modified": "2026-11-01T00:00:00Z"}')
    vulnerabilities = [{"id": "GO-2026-0001", "modified": "2026-11-01T00:00:00Z", "fixed": "1.2.0"}]
    (tmp_path / "index" / "modules.json").write_text(
        json.dumps([{"path": "example.com/left", "vulns": vulnerabilities}])
    )
    (tmp_path / "index" / "vulns.json").write_text('[{"id": "GO-2026-0001", "modified": "2026-11-01T00:00:00Z"}]')
    monkeypatch.setenv("SLIPWAY_GO_VULN_URL", f"file://{tmp_path}")
    parts = [Part("golang", "example.com/left", version, ("go.mod",)) for version in ("v1.1.0", "v1.2.0")]
    found = checkers.go([*parts, Part("golang", "example.com/right", "v1.0.0", ("go.mod",))], PROGRESS)
    assert found.unchecked == ""
    assert [(f.id, f.package, f.version, f.fixed) for f in found.findings] == [
        ("GO-2026-0001", "pkg:golang/example.com/left", "v1.1.0", ("1.2.0",))
    ]
    monkeypatch.setenv("SLIPWAY_GO_VULN_URL", "http://127.0.0.1:9")
    assert checkers.go(parts, PROGRESS).unchecked
