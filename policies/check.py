"""Runs every rule over a rendered plan, where there is no engine to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.clouds import CLOUD_RULES
from policies.kubernetes import KUBERNETES_RULES
from policies.model import Resource, Stack, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = (*CLOUD_RULES, *KUBERNETES_RULES)
"""Every rule, in the order in which it is told."""


def stack_of(plan: Mapping[str, Any]) -> Stack:
    """The resources of a plan.

    Args:
        plan: Content of plan.json.

    Returns:
        The stack; components are left out, they hold nothing themselves.
    """
    found: dict[str, Resource] = {}
    for entry in plan["resources"]:
        if entry["custom"]:
            taken = {urn for urns in entry["propertyDependencies"].values() for urn in urns}
            found[entry["urn"]] = Resource(
                urn=entry["urn"],
                type=entry["type"],
                name=entry["name"],
                inputs=entry["inputs"],
                protect=entry["protect"],
                provider=entry["provider"],
                uses=frozenset({*entry["dependencies"], *taken}),
            )
    return Stack(found)


def violations(plan: Mapping[str, Any]) -> list[Violation]:
    """Everything in a plan that breaks a rule.

    Args:
        plan: Content of plan.json.

    Returns:
        The violations, rule by rule.
    """
    stack = stack_of(plan)
    return [
        Violation(rule.name, resource.name, resource.urn, message)
        for rule in RULES
        for resource, message in rule.broken(stack)
    ]
