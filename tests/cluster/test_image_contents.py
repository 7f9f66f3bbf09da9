"""What is in the images of the local registry: no credential in a layer, none in an image's environment."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from local import settings
from tests.support.credentials import named

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
FILE_LIMIT = 2**20
LAYER_LIMIT = 256 * 2**20
# Files by which programs keep credentials, wherever they are.
NAMES = re.compile(
    r"(^|/)(\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.docker/config\.json|id_(rsa|ecdsa|ed25519)|\.aws/.*)$"
)
SAMPLES = {"usr/lib/python3/dist-packages/PyJWT-2.6.0.egg-info/PKG-INFO: bearer token"}
"""Documentation of what an image contains: the example token of PyJWT's own readme."""
VARIABLES = re.compile(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|PRIVATE|_KEY$", re.IGNORECASE)


@pytest.fixture(scope="module")
def registry() -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{settings.REGISTRY}/v2/", timeout=60, trust_env=False) as client:
        yield client


def images(client: httpx.Client) -> Iterator[tuple[str, dict[str, Any]]]:
    """Repository and manifest of each image."""
    for repository in cast("list[str]", client.get("_catalog", params={"n": 1000}).json()["repositories"]):
        answer = client.get(f"{repository}/tags/list")
        for tag in cast("list[str]", (answer.json().get("tags") or []) if answer.is_success else []):
            manifest = client.get(f"{repository}/manifests/{tag}", headers={"Accept": ACCEPT})
            if manifest.is_success and "config" in manifest.json():
                yield repository, manifest.json()


def test_no_layer_and_no_variable_holds_a_credential(registry: httpx.Client) -> None:
    seen, found, files = set[str](), list[str](), 0
    for repository, manifest in images(registry):
        config = cast("dict[str, Any]", registry.get(f"{repository}/blobs/{manifest['config']['digest']}").json())
        for variable in cast("list[str]", config.get("config", {}).get("Env") or []):
            name, _, value = variable.partition("=")
            if VARIABLES.search(name) and value:
                found.append(f"{repository}: variable {name}")
        # Build arguments are on record in an image's history.
        found += [f"{repository}: history: {kind}" for kind in named(str(config.get("history")).encode())]
        for layer in cast("list[dict[str, Any]]", manifest["layers"]):
            if layer["digest"] in seen or layer["size"] > LAYER_LIMIT:
                continue
            seen.add(layer["digest"])
            blob = registry.get(f"{repository}/blobs/{layer['digest']}").content
            with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
                for member in archive:
                    if NAMES.search(member.name):
                        found.append(f"{repository}: {member.name}")
                    if member.isfile() and member.size <= FILE_LIMIT and (file := archive.extractfile(member)):
                        files += 1
                        found += [f"{repository}: {member.name}: {kind}" for kind in named(file.read())]
    assert len(seen) > 5
    assert files > 500
    assert [entry for entry in sorted(found) if entry.partition(": ")[2] not in SAMPLES] == []
