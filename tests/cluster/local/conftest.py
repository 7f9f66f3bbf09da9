"""Fixtures around the one embedded cluster of this machine."""

from __future__ import annotations

import httpx
import pytest

from local import debian, oci, settings
from tests.support import live


@pytest.fixture(scope="session")
def web_image() -> str:
    """A web server and a shell (Debian's static busybox) in the local registry."""
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
    return f"{settings.REGISTRY}/slipway-test/web:1"


def fetch(url: str) -> str | None:
    """The body at `url`, None when nothing answers with 200."""
    try:
        response = httpx.get(url, timeout=2, trust_env=False)
    except httpx.HTTPError:
        return None
    return response.text if response.status_code == 200 else None


def run(pod: str, namespace: str, image: str) -> None:
    """Have the image's web server in a pod, and wait until it is ready."""
    live.apply(live.restricted_pod(pod, namespace, image))
    ready(pod, namespace)


def ready(pod: str, namespace: str) -> None:
    live.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")
