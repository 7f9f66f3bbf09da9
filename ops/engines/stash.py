"""Generated credentials for the Helm engine: drawn once, kept in the cluster, never in a file or an argument."""

from __future__ import annotations

import base64
import re
import secrets
import string
from typing import TYPE_CHECKING

from ops.kube import Key, labels_of, section
from ops.live import NAMESPACE, STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ops.kube import Kubectl, Manifest
    from ops.live import Inventory
    from ops.render.result import SecretManifest

FIELD_MANAGER = "slipway"
MARK = {"app.kubernetes.io/managed-by": "slipway"}
"""Label of the Secrets that this engine applies beside the chart."""
_LENGTH = 32
_ALPHABET = string.ascii_letters + string.digits
_REFERENCE = re.compile(r"\$\{([^${}]+)\.output\}")


def stash_name(stack: str) -> str:
    """Name of the Secret that keeps a stack's generated values."""
    return f"slipway-stash-{stack}".lower()


def read(kubectl: Kubectl, stack: str, there: Inventory | None = None) -> dict[str, str]:
    """The values that were generated for a stack so far.

    Args:
        kubectl: The cluster.
        stack: Stack name.
        there: The stack's live objects, where they are known; a stash without our label is none of them, and asked for.

    Returns:
        Stash name to value.
    """
    known = there.objects.get(Key("", "Secret", NAMESPACE, stash_name(stack))) if there is not None else None
    for secret in [known] if known else kubectl.get(["secrets", stash_name(stack), "-n", NAMESPACE]):
        return {k: base64.b64decode(str(v)).decode() for k, v in section(secret, "data").items()}
    return {}


def draw(known: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """All wanted values: known ones unchanged, others drawn (32 characters of 62: 190 bits)."""
    return {
        name: known.get(name) or "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        for name in sorted(set(wanted))
    }


def keep(kubectl: Kubectl, stack: str, values: Mapping[str, str]) -> None:
    """Write the values into the stack's stash."""
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": stash_name(stack), "namespace": NAMESPACE, "labels": {STACK_LABEL: stack, **MARK}},
        "type": "Opaque",
        "data": {k: _encode(v) for k, v in values.items()},
    }
    kubectl.apply([manifest], manager=FIELD_MANAGER)


def filled(secret: SecretManifest, values: Mapping[str, str]) -> Manifest:
    """The Secret with its references replaced; data instead of stringData, so that it compares with the live one.

    Raises:
        KeyError: A stash that it refers to has no value.
    """
    manifest = secret.manifest
    plain = {
        key: _REFERENCE.sub(lambda match: values[match.group(1)], text)
        for key, text in section(manifest, "stringData").items()
    }
    encoded = {
        key: _encode(_REFERENCE.sub(lambda match: values[match.group(1)], base64.b64decode(text).decode()))
        for key, text in section(manifest, "data").items()
    }
    body = {key: value for key, value in manifest.items() if key not in ("stringData", "data")}
    marked = {**labels_of(manifest), **MARK}
    return {
        **body,
        "metadata": {**manifest["metadata"], "labels": marked},
        "data": {**encoded, **{key: _encode(value) for key, value in plain.items()}},
    }


def is_ours(manifest: Manifest) -> bool:
    """Whether a live Secret was applied by this engine beside the chart."""
    return manifest["kind"] == "Secret" and labels_of(manifest).items() >= MARK.items()


def same(live: Manifest, wanted: Manifest) -> bool:
    """Whether the live Secret holds what it should."""
    return section(live, "data") == wanted["data"] and labels_of(live).items() >= labels_of(wanted).items()


def key(secret: SecretManifest) -> Key:
    """Key of the Secret."""
    return Key.of(secret.manifest)


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
