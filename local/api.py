"""A small client of the cluster's API: apply objects, read objects."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

import httpx

from local import paths, probe, settings
from local.errors import LocalError

if TYPE_CHECKING:
    from types import TracebackType

    Object = dict[str, Any]

# The kinds that the add-ons are made of: plural name and whether they live in a namespace.
_KINDS = {
    "APIService": ("apiservices", False),
    "ClusterRole": ("clusterroles", False),
    "ClusterRoleBinding": ("clusterrolebindings", False),
    "ConfigMap": ("configmaps", True),
    "Deployment": ("deployments", True),
    "Role": ("roles", True),
    "RoleBinding": ("rolebindings", True),
    "Service": ("services", True),
    "ServiceAccount": ("serviceaccounts", True),
    "StorageClass": ("storageclasses", False),
}
_MANAGER = "slipway-local"


class Api:
    """A connection to the API server as the administrator; use it in a `with` block."""

    def __init__(self, timeout: float = 10.0) -> None:
        self._client = httpx.Client(
            base_url=settings.API_SERVER,
            verify=probe.tls(paths.PKI, client="admin"),
            timeout=timeout,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> Object | None:
        """The object at `path`, or None when there is none or the server does not answer."""
        try:
            response = self._client.get(path)
        except httpx.HTTPError:
            return None
        if response.status_code != 200:
            return None
        content: Object = response.json()
        return content

    def text(self, path: str) -> str | None:
        """The plain answer at `path`, or None."""
        try:
            response = self._client.get(path)
        except httpx.HTTPError:
            return None
        return response.text if response.status_code == 200 else None

    def delete(self, path: str) -> None:
        """Delete the object at `path`; one that is not there, or a server that does not answer, is no error."""
        with contextlib.suppress(httpx.HTTPError):
            self._client.delete(path)

    def apply(self, document: Object) -> None:
        """Make the object as `document` says (server-side apply); fields of other owners stay.

        Raises:
            LocalError: the server refused or does not answer.
        """
        name = f"{document['kind']} {document['metadata']['name']}"
        try:
            response = self._client.patch(
                path_of(document),
                params={"fieldManager": _MANAGER, "force": "true"},
                # JSON is YAML, and the server takes an applied object as YAML.
                json=document,
                headers={"Content-Type": "application/apply-patch+yaml"},
            )
        except httpx.HTTPError as error:
            raise LocalError(f"the API server does not take {name}: {error or type(error).__name__}") from None
        if response.is_error:
            raise LocalError(f"the API server refuses {name} ({response.status_code}): {response.text[:400]}")


def path_of(document: Object) -> str:
    """The API path of an object.

    Raises:
        LocalError: a kind that this small client does not know.
    """
    kind, version, metadata = document["kind"], document["apiVersion"], document["metadata"]
    if kind not in _KINDS:
        raise LocalError(f"the embedded cluster's add-ons hold a {kind}, whose API path is not known here")
    plural, namespaced = _KINDS[kind]
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    where = f"/namespaces/{metadata['namespace']}" if namespaced else ""
    return f"{prefix}{where}/{plural}/{metadata['name']}"
