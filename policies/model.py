"""Resources as rules see them, whether they come from Pulumi's engine or from plan.json. Imports no SDK."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

COMMON_TAGS = ("project", "stack", "owner", "lifecycle")
"""What a provider puts on everything."""


class UnknownError(Exception):
    """A rule asks for a value that a preview cannot know; the rule is undecided until the update."""


class Unknown:
    """Stands in inputs for a value that is not known yet."""


@dataclass(frozen=True)
class Resource:
    """One resource.

    Attributes:
        urn: Pulumi URN.
        type: Type token.
        name: Logical name.
        inputs: Inputs; a secret may be masked, an unknown value may be missing.
        protect: Whether Pulumi refuses to delete it.
        provider: URN of its provider, or None.
        uses: URNs that it depends on or takes values from.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    protect: bool = False
    provider: str | None = None
    uses: frozenset[str] = frozenset()

    @property
    def package(self) -> str:
        """Provider's name, for example `aws`."""
        return self.type.partition(":")[0]

    def at(self, *path: str | int) -> Any:
        """A value of the inputs.

        Args:
            path: Keys and indices.

        Returns:
            The value, or None where there is none.

        Raises:
            UnknownError: It is not known yet.
        """
        return dig(self.inputs, *path)


def dig(value: Any, *path: str | int) -> Any:
    """A value inside plain data.

    Args:
        value: Mappings and lists.
        path: Keys and indices.

    Returns:
        The value, or None where there is none.

    Raises:
        UnknownError: It is not known yet.
    """
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = cast("dict[str, Any]", value).get(part)
        elif isinstance(value, list) and isinstance(part, int):
            items = cast("list[Any]", value)
            value = items[part] if part < len(items) else None
        elif isinstance(value, Unknown):
            break
        else:
            return None
    if isinstance(value, Unknown):
        raise UnknownError
    return value


def items(value: Any) -> list[Any]:
    """A list that may be missing.

    Args:
        value: A list or nothing.

    Returns:
        The list; empty where there is none.
    """
    return cast("list[Any]", value) if isinstance(value, list) else []


@dataclass(frozen=True)
class Stack:
    """All resources of a stack.

    Attributes:
        resources: URN to resource.
    """

    resources: Mapping[str, Resource] = field(default_factory=dict[str, Resource])

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Resources of some types.

        Args:
            types: Type tokens.

        Returns:
            The resources.
        """
        return (resource for resource in self.resources.values() if resource.type in types)

    def about(self, resource: Resource, kind: str) -> list[Resource]:
        """Resources of a type that take a value from a resource.

        Args:
            resource: The resource.
            kind: Type token of those that are looked for.

        Returns:
            Them.
        """
        return [other for other in self.of_type(kind) if resource.urn in other.uses]

    def tags(self, resource: Resource) -> dict[str, str]:
        """Tags or labels of a resource, its provider's included.

        Args:
            resource: The resource.

        Returns:
            Key to value.
        """
        provider = self.resources.get(resource.provider or "")
        found: dict[str, str] = {}
        if provider is not None:
            for key in ("defaultTags", "defaultLabels"):
                spread = provider.at(key)
                # Inputs of a provider cross the wire as JSON.
                found |= _mapping(_mapping(spread).get("tags", spread))
        for key in ("labels", "resourceLabels", "tags"):
            found |= _mapping(resource.at(key))
        return found | _mapping(resource.at("settings", "userLabels"))

    def durable(self, resource: Resource) -> bool:
        """Whether a resource says that it must survive a mistake.

        Args:
            resource: The resource.

        Returns:
            True where its lifecycle is `durable`.
        """
        return self.tags(resource).get("lifecycle") == "durable"


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        import json

        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: Short name.
        description: What holds, and why.
        types: Types that it is about; empty: all.
        check: Finds what breaks it in one resource: yields a sentence each.
    """

    name: str
    description: str
    types: tuple[str, ...]
    check: Callable[[Stack, Resource], Iterable[str]]

    def broken(self, stack: Stack) -> Iterator[tuple[Resource, str]]:
        """Check a stack.

        Args:
            stack: The stack.

        Returns:
            Each resource that breaks the rule, and how. What cannot be decided yet is left out.
        """
        for resource in list(stack.resources.values()):
            if self.types and resource.type not in self.types:
                continue
            try:
                found = list(self.check(stack, resource))
            except UnknownError:
                continue
            for message in found:
                yield resource, message


@dataclass(frozen=True)
class Violation:
    """A rule that a resource breaks.

    Attributes:
        rule: Name of the rule.
        resource: Logical name of the resource.
        urn: Its URN.
        message: What is wrong and what would be right.
    """

    rule: str
    resource: str
    urn: str
    message: str
