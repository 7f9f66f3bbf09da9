"""What the Secrets of a cluster hold now."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ops.kube import section

if TYPE_CHECKING:
    from ops.kube import Key, Kubectl


def value(kubectl: Kubectl, secret: Key, key: str) -> str | None:
    """A value of a Secret in clear; None where the Secret or the key is not there."""
    for item in kubectl.get(["secrets", secret.name, "-n", secret.namespace]):
        data = section(item, "data")
        return base64.b64decode(str(data[key])).decode() if key in data else None
    return None
