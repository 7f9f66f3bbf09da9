"""What the Secrets of a cluster hold now."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ops.kube import section

if TYPE_CHECKING:
    from ops.kube import Key, Kubectl


def values(kubectl: Kubectl, secret: Key) -> dict[str, str]:
    """A Secret's values in clear, by key; empty where it is not there."""
    found = kubectl.get(["secrets", secret.name, "-n", secret.namespace])
    return {
        # What we generate is ASCII; somebody may have added something else.
        key: base64.b64decode(text).decode(errors="replace")
        for item in found
        for key, text in section(item, "data").items()
    }
