"""The policy pack: hands each stack that Pulumi is about to change to the same rules that check a rendered plan.

`pulumi up -s prod --policy-pack policies` (https://www.pulumi.com/docs/insights/policy/policy-packs/).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

# Pulumi runs this file from its own directory; the rules are the package around it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.check import RULES
from policies.model import Resource, Rule, Stack, Unknown

# The SDK is installed in the pack's own environment alone, see requirements.txt.
sdk: Any = importlib.import_module("pulumi_policy")


def _plain(value: Any) -> Any:
    """The SDK's read-only views as plain data; reading a value that a preview cannot know raises there."""
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, Any]", value)
        return {str(key): _read(mapping, key) for key in mapping}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        sequence = cast("Sequence[Any]", value)
        return [_read(sequence, index) for index in range(len(sequence))]
    return value


def _read(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except sdk.proxy.UnknownValueError:
        return Unknown()


def _resource(given: Any) -> Resource:
    provider = getattr(given, "provider", None)
    values: dict[str, list[Any]] = given.property_dependencies or {}
    owners: list[Any] = [*(given.dependencies or []), *(other for others in values.values() for other in others)]
    return Resource(
        urn=given.urn,
        type=given.resource_type,
        name=given.name,
        inputs=_plain(given.props),
        protect=bool(given.opts.protect),
        provider=provider.urn if provider else None,
        uses=frozenset(str(other.urn) for other in owners),
    )


def _stack(given: Any) -> Stack:
    resources = {resource.urn: resource for resource in map(_resource, given.resources)}
    for resource in given.resources:
        provider = getattr(resource, "provider", None)
        if provider:
            resources.setdefault(
                provider.urn, Resource(provider.urn, provider.resource_type, provider.name, _plain(provider.props))
            )
    return Stack(resources)


def _validate(rule: Rule) -> Callable[[Any, Callable[[str, str | None], None]], None]:
    def validate(args: Any, report: Callable[[str, str | None], None]) -> None:
        for resource, message in rule.broken(_stack(args)):
            report(f"{resource.name} {message}", resource.urn)

    return validate


sdk.PolicyPack(
    name="slipway",
    enforcement_level=sdk.EnforcementLevel.MANDATORY,
    policies=[
        sdk.StackValidationPolicy(name=rule.name, description=rule.description, validate=_validate(rule))
        for rule in RULES
    ],
)
