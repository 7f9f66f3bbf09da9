"""The bill of materials: everything that pins something is read, and nothing is pinned without a hash."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
from io import BytesIO
from typing import TYPE_CHECKING, Self

import pytest

from components.versions import IMAGES
from ops.errors import OpsError
from ops.project import project_dir
from ops.sbom import debian
from ops.sbom.model import Part, document, merged
from ops.sbom.sources import pinned

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = project_dir()
HASHED = ("scripts/requirements/*.txt", "policies/requirements.txt", "local/tools/*/requirements.txt")


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return merged(pinned(PROJECT))


def tracked(pattern: str) -> list[Path]:
    """Files under version control that match a pattern of git."""
    done = subprocess.run(["git", "ls-files", "-z", pattern], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [PROJECT / name for name in done.stdout.split("\0") if name]


def test_every_ecosystem_is_there(parts: list[Part]) -> None:
    purls = {part.purl for part in parts}
    assert {part.ecosystem for part in parts} >= {"pypi", "golang", "npm", "maven", "docker"}
    assert any(purl.startswith("pkg:golang/k8s.io/kubernetes@v1.") for purl in purls)
    assert any(purl.startswith("pkg:pypi/pulumi@3.") for purl in purls)
    assert any(purl.startswith("pkg:npm/maildev@") for purl in purls)
    assert any(purl.startswith("pkg:npm/%40") for purl in purls)
    assert any(purl.startswith("pkg:maven/org.apache.pekko/pekko-actor_2.13@") for purl in purls)
    assert any(purl.startswith("pkg:golang/stdlib@go1.") for purl in purls)
    assert len([part for part in parts if part.ecosystem == "docker"]) == len(set(IMAGES.values()))


def test_a_module_that_is_replaced_is_what_replaces_it(parts: list[Part]) -> None:
    names = {part.name for part in parts}
    assert {"github.com/pulumi/pulumi/pkg/v3", "github.com/tgummerer/clipboard"} <= names
    # By another module, and by a directory of this repository.
    assert not {"github.com/atotto/clipboard", "github.com/pulumi/pulumi-kubernetes/sdk/v4"} & names


def test_every_file_that_pins_is_read(parts: list[Part]) -> None:
    read = {where for part in parts for where in part.where}
    files = [
        *(path for path in tracked("*go.mod") if "require" in path.read_text()),
        *tracked("*package-lock.json"),
        *tracked("*requirements*.txt"),
        *tracked("scripts/requirements/*.txt"),
        *tracked("*uv.lock"),
        *tracked("*dependencies.sha256"),
    ]
    assert {str(path.relative_to(PROJECT)) for path in files} <= read


def test_the_same_parts_are_the_same_bytes(parts: list[Part]) -> None:
    first = json.dumps(document("slipway", "1", parts))
    assert json.dumps(document("slipway", "1", reversed(parts))) == first
    assert json.dumps(document("slipway", "1", parts[1:])) != first


def test_each_part_stands_once(parts: list[Part]) -> None:
    references = [component["bom-ref"] for component in document("slipway", "1", parts)["components"]]
    assert len(references) == len(set(references)) > 500


def test_python_requirements_have_hashes() -> None:
    for path in (path for pattern in HASHED for path in PROJECT.glob(pattern)):
        text = path.read_text().replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert lines, path
        assert [line[:60] for line in lines if "--hash=sha256:" not in line] == [], path


def test_the_scripts_uv_is_the_hashed_one() -> None:
    script = (PROJECT / "scripts" / "bootstrap.sh").read_text()
    version = re.search(r"^UV_VERSION=(\S+)", script, re.MULTILINE)
    assert version
    assert f"uv=={version[1]} " in (PROJECT / "scripts" / "requirements" / "uv.txt").read_text()
    assert "--require-hashes" in script


def test_locked_packages_have_hashes(parts: list[Part]) -> None:
    """uv.lock, package-lock.json and the jars: each file that is fetched is compared with a hash."""
    bare = [p.purl for p in parts if p.ecosystem in ("npm", "maven") and not p.hashes]
    bare += [p.purl for p in parts if "uv.lock" in p.where and not p.hashes]
    assert bare == []


def test_go_modules_have_sums() -> None:
    for module in tracked("*go.mod"):
        required = [part for part in merged(pinned(PROJECT)) if str(module.relative_to(PROJECT)) in part.where]
        sums = (module.parent / "go.sum").read_text() if required else ""
        listed = {tuple(line.split()[:2]) for line in sums.splitlines()}
        missing = [p.purl for p in required if (p.name, f"{p.version}/go.mod") not in listed]
        assert missing == [], module


def test_actions_are_pinned_by_commit() -> None:
    for path in tracked(".github/*.yml"):
        used = re.findall(r"uses:\s*(\S+)", path.read_text())
        assert [name for name in used if not name.startswith("./") and not re.search(r"@[0-9a-f]{40}$", name)] == [], (
            path
        )


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


def test_a_jar_without_a_group_is_told(tmp_path: Path) -> None:
    (tmp_path / "images" / "x").mkdir(parents=True)
    (tmp_path / "images" / "x" / "dependencies.sha256").write_text(f"{'0' * 64}  unheard-of-1.0.jar\n")
    with pytest.raises(OpsError, match="name its Maven group"):
        pinned(tmp_path)


STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9

Package: gone
Status: deinstall ok config-files
Version: 1
"""


def test_debian_packages_are_read_from_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as layer:
        entry = tarfile.TarInfo("./var/lib/dpkg/status")
        entry.size = len(STATUS)
        layer.addfile(entry, BytesIO(STATUS.encode()))

    class Answer:
        is_success = True
        content = buffer.getvalue()

        def __init__(self, path: str) -> None:
            self._path = path

        def raise_for_status(self) -> Answer:
            return self

        def json(self) -> object:
            if self._path == "_catalog":
                return {"repositories": ["nginx"]}
            return {"tags": ["1"]} if self._path.endswith("/tags/list") else {"layers": [{"digest": "sha256:a"}]}

    class Client:
        def __init__(self, **_: object) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...
        def get(self, path: str, **_: object) -> Answer:
            return Answer(path)

    monkeypatch.setattr(debian.httpx, "Client", Client)
    (part,) = debian.installed("127.0.0.1:5000")
    assert part.purl == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=bookworm"
    assert part.where == ("image nginx:1",)
