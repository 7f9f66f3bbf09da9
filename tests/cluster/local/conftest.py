"""Fixtures around the one embedded cluster of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from local import debian, oci, paths, settings, toolchain
from local.cluster import EmbeddedCluster
from local.progress import RichProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

WEB_IMAGE = f"{settings.REGISTRY}/slipway-test/web:1"


class Kubectl:
    """Runs the pinned kubectl against the embedded cluster."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def run(
        self, *arguments: str, document: object = None, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        text = None if document is None else yaml.safe_dump(document)
        result = subprocess.run(
            [str(self._program), f"--kubeconfig={paths.KUBECONFIG}", *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert not check or result.returncode == 0, f"kubectl {' '.join(arguments)}: {result.stderr}"
        return result

    def get(self, *arguments: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.run("get", "-o", "json", *arguments).stdout)
        return content

    def apply(self, *documents: object) -> None:
        self.run("apply", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": list(documents)})


@pytest.fixture(scope="session")
def cluster() -> EmbeddedCluster:
    """The embedded cluster, up."""
    if os.geteuid() != 0:
        pytest.skip("the embedded cluster needs root")
    found = EmbeddedCluster()
    found.up(RichProgress())
    return found


@pytest.fixture(scope="session")
def kubectl(cluster: EmbeddedCluster) -> Kubectl:
    assert cluster.kubeconfig.is_file()
    return Kubectl(toolchain.tool("kubectl"))


@pytest.fixture(scope="session")
def web_image(cluster: EmbeddedCluster) -> str:
    """A web server and a shell (Debian's static busybox) in the local registry."""
    assert cluster.kubeconfig.is_file()
    packages = debian.cached()
    assert packages is not None
    # Not wget: glibc's name lookup crashes in a static program without the matching libraries.
    applets = ("sh", "httpd", "nslookup", "cat", "id", "sleep", "ls", "touch", "nc", "printf")
    image = oci.Image(
        files={
            "/bin/busybox": oci.File(packages.root / "bin" / "busybox"),
            **{f"/bin/{name}": oci.File(link="busybox") for name in applets},
            "/www/index.html": oci.File(content=b"it works\n", mode=0o644),
        },
        content="web-2",
        entrypoint=("/bin/httpd", "-f", "-p", "8080", "-h", "/www"),
    )
    oci.push(image, settings.REGISTRY, "slipway-test/web", "1")
    return WEB_IMAGE


@pytest.fixture
def namespace(kubectl: Kubectl) -> Generator[str]:
    """A namespace in which the API server enforces the Pod Security level `restricted`; removed afterwards."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    # A pod is refused until the namespace has its default account.
    wait_for(lambda: not kubectl.run("-n", name, "get", "serviceaccount", "default", check=False).returncode, 20)
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")


def wait_for(question: Callable[[], Any], seconds: float = 60, what: str = "it") -> Any:
    """Ask until the answer is truthy, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def fetch(url: str) -> str | None:
    """The body at `url`, None when nothing answers with 200."""
    try:
        response = httpx.get(url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return None
    return response.text if response.status_code == 200 else None


def restricted_pod(name: str, namespace: str, image: str, **container: Any) -> dict[str, Any]:
    """A pod that the level `restricted` accepts."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    **container,
                }
            ],
        },
    }
