"""Answers for provider functions when there is no provider: references to what they would return."""

from __future__ import annotations

import json
from typing import Any


def answer(token: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer a provider function.

    Args:
        token: Function token, for example `aws:index/getCallerIdentity:getCallerIdentity`.
        arguments: Its arguments.

    Returns:
        A result whose only fields are the arguments and an `id` reference.
    """
    name = token.rsplit(":", 1)[-1]
    key = json.dumps(arguments, sort_keys=True) if arguments else ""
    return {**arguments, "id": f"${{{name}({key}).id}}"}
