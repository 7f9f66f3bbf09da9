"""How wrong settings are told to people: every problem at once, each with key path, value and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN_VALUE_LIMIT = 80


@dataclass(frozen=True)
class Problem:
    """One wrong setting.

    Attributes:
        path: Key path as it stands in the stack file, for example `slipway:apps.nginx.replicas`; may be empty for a
            problem of the whole file.
        value: The offending value as text, or None where there is none (a missing key).
        remedy: One sentence: what is wrong and what would be right.
    """

    path: str
    value: str | None
    remedy: str

    def __str__(self) -> str:
        """The problem as one or two indented lines."""
        where = self.path or "(file)"
        head = where if self.value is None else f"{where} = {self.value}"
        return f"  {head}\n      {self.remedy}"


class SettingsError(Exception):
    """The settings of a stack are wrong; nothing was made or changed.

    Attributes:
        source: What was read, for example `Pulumi.dev.yaml` or `stack dev`.
        problems: Every problem found, in the order of the file.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        """Keep the source and the problems; the message is made of both."""
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        noun = "setting is" if count == 1 else "settings are"
        lines = [f"{source}: {count} {noun} wrong; nothing was changed.", *map(str, self.problems)]
        super().__init__("\n".join(lines))


def shown(value: object) -> str:
    """A value as short printable text: control characters escaped, long values cut.

    Args:
        value: Any plain value of a stack file.

    Returns:
        At most 80 characters and three dots.
    """
    text = value if isinstance(value, str) and value.isprintable() and value.strip() == value != "" else repr(value)
    return text if len(text) <= _SHOWN_VALUE_LIMIT else text[:_SHOWN_VALUE_LIMIT] + "..."
