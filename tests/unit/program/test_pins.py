"""Nothing is pinned without a hash, and Renovate finds every pin."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

from ops.project import project_dir

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = project_dir()


def tracked(pattern: str) -> list[Path]:
    """Files under version control that match a pattern of git."""
    done = subprocess.run(["git", "ls-files", "-z", pattern], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [PROJECT / name for name in done.stdout.split("\0") if name]


def test_python_requirements_have_hashes() -> None:
    files = tracked("*requirements*.txt")
    assert len(files) >= 4
    for path in files:
        text = path.read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines, path
        assert [line[:60] for line in lines if "--hash=sha256:" not in line] == [], path


def test_the_scripts_uv_is_the_hashed_one() -> None:
    script = (PROJECT / "scripts" / "bootstrap.sh").read_text()
    version = re.search(r"^UV_VERSION=(\S+)", script, re.MULTILINE)
    assert version
    assert f"uv=={version[1]} " in (PROJECT / "scripts" / "requirements-uv.txt").read_text()
    assert "--require-hashes" in script


def test_npm_packages_have_hashes() -> None:
    for path in tracked("*package-lock.json"):
        packages: dict[str, Any] = json.loads(path.read_text())["packages"]
        assert [key for key, package in packages.items() if key and "integrity" not in package] == [], path


def test_renovate_understands_the_comments() -> None:
    """Each pattern of renovate.json finds every comment that it is for."""
    managers = json.loads((PROJECT / "renovate.json").read_text())["customManagers"]
    for path, comments in (("components/versions.py", "datasource=docker"), ("scripts/bootstrap.sh", "datasource=")):
        text = (PROJECT / path).read_text()
        patterns = [
            pattern.replace("(?<", "(?P<")
            for manager in managers
            if any(re.search(place.strip("/"), path) for place in manager["managerFilePatterns"])
            for pattern in manager["matchStrings"]
        ]
        hits = [hit for pattern in patterns for hit in re.finditer(pattern, text)]
        assert len(hits) == text.count(f"# renovate: {comments}") > 0, path
        assert all(hit["depName"] and hit["currentValue"] for hit in hits)


def filled(template: str, values: dict[str, str]) -> str:
    """A Handlebars template with the two forms that renovate.json uses."""
    whole = re.sub(r"{{#if (\w+)}}(.*?){{/if}}", lambda found: found[2] if values[found[1]] else "", template)
    return re.sub(r"{{{(\w+)}}}", lambda found: values[found[1]], whole)


def test_what_renovate_writes_for_an_image_is_what_stands_there() -> None:
    """Its template, filled with what its pattern found, gives the same lines."""
    managers = json.loads((PROJECT / "renovate.json").read_text())["customManagers"]
    manager = next(manager for manager in managers if "autoReplaceStringTemplate" in manager)
    text = (PROJECT / "components" / "versions.py").read_text()
    hits = list(re.finditer(manager["matchStrings"][0].replace("(?<", "(?P<"), text))
    assert hits
    for hit in hits:
        values = {**hit.groupdict(""), "newValue": hit["currentValue"], "newDigest": hit["currentDigest"] or ""}
        assert filled(manager["autoReplaceStringTemplate"], values) == hit[0]
