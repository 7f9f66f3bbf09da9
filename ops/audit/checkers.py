"""Asks the advisory databases: pip-audit for Python, govulncheck for Go, OSV itself for npm and Maven."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx

from local import toolchain
from local.errors import LocalError
from ops import sidecar
from ops.audit.report import Checked, Finding
from ops.sbom.model import Part, merged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.progress import Progress

OSV = "https://api.osv.dev/v1"
"""The database of advisories (https://google.github.io/osv.dev/api/); SLIPWAY_OSV_URL names another address of it."""
GO_DATABASE = "https://vuln.go.dev"
"""Go's own database (https://go.dev/doc/security/vuln/database); SLIPWAY_GO_VULN_URL names another address of it."""
_CHUNK = 500
_SECONDS = 30.0


def everything(parts: Sequence[Part], progress: Progress) -> list[Checked]:
    """Check all parts.

    Args:
        parts: What is used.
        progress: Told what is being asked.

    Returns:
        What each checker did.
    """
    found: list[Checked] = []
    for place in sorted({where for part in parts if part.ecosystem == "pypi" for where in part.where}):
        with progress.step(f"pip-audit: {place}"):
            found.append(python(place, [p for p in parts if p.ecosystem == "pypi" and place in p.where], progress))
    with progress.step("govulncheck: all Go modules"):
        found.append(go([*(p for p in parts if p.ecosystem == "golang"), *_machines_go()], progress))
    for ecosystem in ("npm", "maven"):
        with progress.step(f"OSV: {ecosystem}"):
            found.append(osv(ecosystem, [p for p in parts if p.ecosystem == ecosystem]))
    return found


def python(place: str, parts: Sequence[Part], progress: Progress) -> Checked:
    """Ask for Python packages with pip-audit.

    Args:
        place: The file that pins them.
        parts: The packages.
        progress: Told when pip-audit is installed.
    """
    chosen = merged(parts)
    what = f"Python packages of {place}"
    try:
        program = sidecar.environment("audit", progress) / "pip-audit"
    except LocalError as error:
        return Checked(what, len(chosen), unchecked=str(error))
    url = os.environ.get("SLIPWAY_OSV_URL", OSV)
    found: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
        file = Path(temporary) / "requirements.txt"
        for group in _distinct(chosen):
            file.write_text("".join(f"{part.name}=={part.version}\n" for part in group), encoding="utf-8")
            done = subprocess.run(
                [
                    *(str(program), "-r", str(file), "--no-deps", "--disable-pip", "--format", "json"),
                    *("--vulnerability-service", "osv", "--osv-url", f"{url}/query"),
                    *(
                        "--progress-spinner",
                        "off",
                        "--timeout",
                        str(int(_SECONDS)),
                        "--cache-dir",
                        f"{temporary}/cache",
                    ),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            try:
                answer = cast("dict[str, Any]", json.loads(done.stdout))
            except ValueError:
                return Checked(what, len(chosen), unchecked=_last(done.stderr))
            for entry in answer["dependencies"]:
                if "skip_reason" in entry:
                    return Checked(what, len(chosen), unchecked=str(entry["skip_reason"]))
                found += [
                    Finding(
                        str(v["id"]),
                        f"pkg:pypi/{entry['name']}",
                        str(entry["version"]),
                        tuple(v["fix_versions"]),
                        _line(v.get("description")),
                        tuple(v.get("aliases", ())),
                    )
                    for v in entry["vulns"]
                ]
    return Checked(what, len(chosen), tuple(found))


def _distinct(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Groups in which each name stands once: a universal lock has several versions of some, one for each Python."""
    waiting: list[Part] = list(parts)
    while waiting:
        group: dict[str, Part] = {}
        later: list[Part] = []
        for part in waiting:
            later += [part] if group.setdefault(part.name, part) is not part else []
        yield sorted(group.values(), key=lambda part: part.name)
        waiting = later


def _machines_go() -> list[Part]:
    """Go's standard library of this machine, which goes into what is compiled here."""
    done = (
        subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=False) if _has_go() else None
    )
    version = done.stdout.strip() if done and done.returncode == 0 else ""
    return [Part("golang", "stdlib", version.split("-")[0], ("go on PATH",))] if version.startswith("go1") else []


def _has_go() -> bool:
    return shutil.which("go") is not None


def go(parts: Sequence[Part], progress: Progress) -> Checked:
    """Ask for Go modules with govulncheck: every required version, whether or not its code is reached.

    Args:
        parts: The modules.
        progress: Told when govulncheck is built.
    """
    chosen = merged(parts)
    what = "Go modules and the standard library"
    try:
        program = toolchain.tool("govulncheck", progress)
    except LocalError as error:
        return Checked(what, len(chosen), unchecked=str(error))
    versions: dict[str, list[str]] = {}
    for part in chosen:
        versions.setdefault(part.name, []).append(part.version)
    found: list[Finding] = []
    # An answer names the module, not the version that was asked for: a run asks for one version of each.
    for turn in range(max(map(len, versions.values()), default=0)):
        asked = {name: known[turn] for name, known in versions.items() if turn < len(known)}
        done = subprocess.run(
            [
                *(str(program), "-mode", "query", "-json", "-db", os.environ.get("SLIPWAY_GO_VULN_URL", GO_DATABASE)),
                *(f"{name}@{version}" for name, version in asked.items()),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            return Checked(what, len(chosen), unchecked=_last(done.stderr))
        for message in _stream(done.stdout):
            if "osv" in message:
                found += _go_findings(message["osv"], asked)
    return Checked(what, len(chosen), tuple(found))


def _go_findings(advisory: dict[str, Any], asked: dict[str, str]) -> Iterator[Finding]:
    for affected in advisory.get("affected", []):
        name = affected["package"]["name"]
        if name not in asked:
            continue
        events = [event for entry in affected.get("ranges", []) for event in entry.get("events", [])]
        yield Finding(
            advisory["id"],
            f"pkg:golang/{name}",
            asked[name],
            tuple(str(event["fixed"]) for event in events if "fixed" in event),
            _line(advisory.get("summary") or advisory.get("details")),
            tuple(advisory.get("aliases", ())),
        )


def _stream(text: str) -> Iterator[dict[str, Any]]:
    """JSON documents that follow each other."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        yield value


def osv(ecosystem: str, parts: Sequence[Part]) -> Checked:
    """Ask OSV for packages by their package URL.

    Args:
        ecosystem: `npm` or `maven`.
        parts: The packages.
    """
    chosen = merged(parts)
    what = f"{ecosystem} packages"
    url = os.environ.get("SLIPWAY_OSV_URL", OSV)
    found: list[Finding] = []
    try:
        with httpx.Client(timeout=_SECONDS) as client:
            for start in range(0, len(chosen), _CHUNK):
                some = chosen[start : start + _CHUNK]
                queries = [{"package": {"purl": part.purl}} for part in some]
                answer = client.post(f"{url}/querybatch", json={"queries": queries}).raise_for_status().json()
                results = cast("list[dict[str, Any]]", answer["results"])
                for part, result in zip(some, results, strict=True):
                    for entry in cast("list[dict[str, Any]]", result.get("vulns") or []):
                        details = client.get(f"{url}/vulns/{entry['id']}").raise_for_status().json()
                        found.append(_osv_finding(details, part))
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return Checked(what, len(chosen), unchecked=f"{url} cannot be asked: {error}")
    return Checked(what, len(chosen), tuple(found))


def _osv_finding(details: dict[str, Any], part: Part) -> Finding:
    events = [
        event
        for affected in details.get("affected", [])
        for entry in affected.get("ranges", [])
        for event in entry.get("events", [])
    ]
    fixed = tuple(sorted({str(event["fixed"]) for event in events if "fixed" in event}))
    summary = _line(details.get("summary") or details.get("details"))
    package = part.purl.partition("@")[0] if not part.purl.startswith("pkg:npm/%40") else part.purl.rpartition("@")[0]
    return Finding(str(details["id"]), package, part.version, fixed, summary, tuple(details.get("aliases", ())))


def _line(text: object) -> str:
    return (str(text or "").strip().splitlines() or [""])[0][:160]


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return (lines[-1] if lines else "it ended without a word")[:300]
