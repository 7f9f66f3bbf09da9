"""Tags (AWS) and labels (Google Cloud) of everything that takes them: project, stack, system, owner and lifecycle.

Each provider puts what is common to the stack on every resource by itself (`default_tags`, `default_labels`); a
resource adds its system. What a provider cannot reach (instances and volumes that a launch template makes, volumes
that a storage driver makes) gets the whole set spelled out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.scope import Scope

_LABEL_LIMIT = 63


def common_tags(scope: Scope) -> dict[str, str]:
    """Tags that are the same on the whole stack.

    Args:
        scope: The stack.

    Returns:
        Tag key to value.
    """
    return {"project": scope.project, "stack": scope.stack, "owner": scope.owner, "lifecycle": scope.lifecycle}


def tags(scope: Scope, system: str, name: str | None = None) -> dict[str, str]:
    """Tags of an AWS resource beside the provider's own.

    Args:
        scope: The stack, or a part of it with another lifecycle.
        system: What the resource belongs to.
        name: Value of the `Name` tag, which the AWS console shows; None: no such tag.

    Returns:
        Tag key to value.
    """
    return {"system": system, "lifecycle": scope.lifecycle, **({"Name": name} if name else {})}


def all_tags(scope: Scope, system: str, name: str | None = None) -> dict[str, str]:
    """The whole set, for what the provider's own tags do not reach.

    Args:
        scope: The stack.
        system: What the resource belongs to.
        name: Value of the `Name` tag; None: no such tag.

    Returns:
        Tag key to value.
    """
    return {**common_tags(scope), **tags(scope, system, name)}


def lasting_tags(scope: Scope, system: str, name: str) -> dict[str, str]:
    """Tags that are the same as long as the resource lives: owner and lifecycle may change.

    They are for what is replaced when its tags change, such as the instances of a launch template.

    Args:
        scope: The stack.
        system: What the resource belongs to.
        name: Value of the `Name` tag.

    Returns:
        Tag key to value.
    """
    return {**_lasting(scope, system), "Name": name}


def lasting_labels(scope: Scope, system: str) -> dict[str, str]:
    """The same as labels of Google Cloud: for what a change of labels may make anew, such as nodes.

    Args:
        scope: The stack.
        system: What the resource belongs to.

    Returns:
        Label key to value.
    """
    return {key: label_value(value) for key, value in _lasting(scope, system).items()}


def _lasting(scope: Scope, system: str) -> dict[str, str]:
    return {"project": scope.project, "stack": scope.stack, "system": system}


def label_value(text: str) -> str:
    """A text as the value of a Google Cloud label.

    Args:
        text: Any text.

    Returns:
        At most 63 lower-case letters, digits, '-' and '_'
        (https://cloud.google.com/resource-manager/docs/labels-overview#requirements).
    """
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:_LABEL_LIMIT]


def common_labels(scope: Scope) -> dict[str, str]:
    """Labels that are the same on the whole stack.

    Args:
        scope: The stack.

    Returns:
        Label key to value.
    """
    return {key: label_value(value) for key, value in common_tags(scope).items()}


def labels(scope: Scope, system: str) -> dict[str, str]:
    """Labels of a Google Cloud resource, the whole set.

    Args:
        scope: The stack.
        system: What the resource belongs to.

    Returns:
        Label key to value.
    """
    return {**common_labels(scope), "system": label_value(system)}
