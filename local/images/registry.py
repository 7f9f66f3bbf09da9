"""What registries say of an image: the local mirror's content label, and whether a public image can be pulled."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httpx

from local import oci, toolchain
from local.errors import LocalError
from local.images.content import LABEL, STAND_IN_LABEL
from local.images.flags import is_loopback
from local.images.reference import DOCKER_HUB, Reference
from local.images.shell import run

if TYPE_CHECKING:
    from local.progress import Progress

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_PROBE_SECONDS = 3.0


@dataclass(frozen=True)
class Remote:
    """An image in a registry: whether the tag is there, the content hash it was built from ("" if it has none), and
    whether it is a stand-in."""

    exists: bool
    content: str = ""
    stand_in: bool = False


def look(reference: Reference, progress: Progress) -> Remote:
    """Ask a registry that we push to for an image's content label.

    A registry on loopback is asked directly; any other through crane, which knows the machine's credentials.

    Raises:
        LocalError: the registry does not answer or refuses.
    """
    config = _local_config(reference) if is_loopback(reference.host) else _remote_config(reference, progress)
    if config is None:
        return Remote(exists=False)
    settings: Any = config.get("config") or {}
    labels: Any = settings.get("Labels") or {}
    return Remote(exists=True, content=str(labels.get(LABEL, "")), stand_in=STAND_IN_LABEL in labels)


def _local_config(reference: Reference) -> dict[str, Any] | None:
    base = f"http://{reference.host.replace('localhost', '127.0.0.1')}/v2/{reference.repository}"
    try:
        with oci.client_of(10) as client:
            answer = client.get(f"{base}/manifests/{reference.tag}", headers={"Accept": _MANIFESTS})
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
            manifest = cast("dict[str, Any]", answer.json())
            if "config" not in manifest:  # an index that somebody else pushed
                return {}
            answer = client.get(f"{base}/blobs/{manifest['config']['digest']}")
            answer.raise_for_status()
            return cast("dict[str, Any]", answer.json())
    except httpx.HTTPError as error:
        raise LocalError(
            f"the image registry at {reference.host} does not answer ({error}); start it with `slipway local up`, "
            "or name another with --registry"
        ) from None


def _remote_config(reference: Reference, progress: Progress) -> dict[str, Any] | None:
    crane = toolchain.tool("crane", progress)
    try:
        text = run([str(crane), "config", str(reference)], f"asking {reference.host} for {reference}", timeout=60)
    except LocalError as error:
        if re.search(r"MANIFEST_UNKNOWN|NAME_UNKNOWN|404 Not Found", str(error)):
            return None
        raise
    return cast("dict[str, Any]", json.loads(text))


@dataclass(frozen=True)
class Probe:
    """Whether a public image can be pulled from here, and why not."""

    found: bool
    reason: str = ""


class PublicProbes:
    """Asks public registries whether an image can be pulled; a host that does not answer is asked once."""

    def __init__(self, timeout: float = _PROBE_SECONDS, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(timeout=timeout, follow_redirects=True, transport=transport)
        self._silent: dict[str, str] = {}
        self._answers: dict[str, Probe] = {}

    def look(self, reference: Reference) -> Probe:
        """HEAD of the manifest at the image's own registry, anonymously."""
        key = str(reference)
        if key not in self._answers:
            self._answers[key] = self._ask(reference)
        return self._answers[key]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, reference: Reference) -> Probe:
        if reference.host in self._silent:
            return Probe(found=False, reason=self._silent[reference.host])
        host = "registry-1.docker.io" if reference.host == DOCKER_HUB else reference.host
        url = f"https://{host}/v2/{reference.repository}/manifests/{reference.digest or reference.tag}"
        headers = {"Accept": _MANIFESTS}
        try:
            answer = self._client.head(url, headers=headers)
            token = self._token(answer.headers.get("www-authenticate", "")) if answer.status_code == 401 else ""
            if token:
                answer = self._client.head(url, headers={**headers, "Authorization": f"Bearer {token}"})
        except (httpx.HTTPError, ValueError) as error:
            self._silent[reference.host] = f"{reference.host} cannot be reached ({type(error).__name__})"
            return Probe(found=False, reason=self._silent[reference.host])
        if answer.status_code == 200:
            return Probe(found=True)
        return Probe(found=False, reason=f"{reference.host} answers {answer.status_code} for {reference}")

    def _token(self, challenge: str) -> str:
        """An anonymous token for a registry's challenge (distribution specification, token authentication)."""
        scheme, _, rest = challenge.partition(" ")
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = fields.pop("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith("https://"):
            return ""
        answer = self._client.get(realm, params=fields)
        if answer.status_code != 200:
            return ""
        body = cast("dict[str, Any]", answer.json())
        return str(body.get("token") or body.get("access_token") or "")
