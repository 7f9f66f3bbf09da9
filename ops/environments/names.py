"""What an environment may be called, how long it may live and whose it is."""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ops.errors import OpsError, RefusedError
from stacks.settings.fields import NAMESPACED_NAME_LIMIT, PREFIX_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=30)
OWNER_VARIABLE = "GITHUB_ACTOR"
"""Who started a GitHub workflow (https://docs.github.com/actions/reference/variables-reference)."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_TTL = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# Namespaces with this prefix are Kubernetes' own.
_RESERVED = "kube"


def check_name(name: str) -> None:
    """Refuse, saying what would be right, what cannot be the name of an environment. It becomes a stack's name, the
    prefix of namespaces, a label and a part of host names, so the shortest limit counts: that of namespace prefixes,
    which leaves room for every system's name within 63 characters."""
    if not _LABEL.fullmatch(name) or len(name) > PREFIX_LIMIT:
        raise RefusedError(
            f"environment {name!r}: the name must be a DNS label: lower-case letters, digits and '-', starting and "
            f"ending with a letter or digit, at most {PREFIX_LIMIT} characters, such as pr-17"
        )
    if name == _RESERVED or name.startswith(f"{_RESERVED}-"):
        raise RefusedError(f"environment {name!r}: namespaces called kube-… are Kubernetes' own; choose another name")


def refuse_stack(directory: Path, name: str) -> None:
    """Refuse the name of a stack of the project, for making an environment as well as for removing one."""
    for file in directory.glob("Pulumi.*.yaml"):
        # The prefix of namespaces is in lower case, whatever the file's name is.
        if file.name.lower() == f"pulumi.{name}.yaml":
            raise RefusedError(f"environment {name}: {file.name} is a stack of this project; choose another name")


def time_to_live(text: str) -> timedelta:
    """A time to live such as `30m`, `8h` or `3d`; raises RefusedError for other text, or out of bounds."""
    match = _TTL.fullmatch(text.strip())
    wanted = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if wanted is None or not SHORTEST <= wanted <= LONGEST:
        raise RefusedError(f"--ttl {text}: must be minutes, hours or days, such as 30m, 8h or 3d; from 1m to 30d")
    return wanted


def owner(option: str | None) -> str:
    """Who answers for an environment: `--owner` (RefusedError if it is no label), else `$GITHUB_ACTOR`, else the user's
    name, both made into labels (`dependabot[bot]` becomes `dependabot-bot`)."""
    if option is not None:
        if not _LABEL.fullmatch(option) or len(option) > NAMESPACED_NAME_LIMIT:
            raise RefusedError(
                f"--owner {option}: must be a label: lower-case letters, digits and '-', starting and ending with a "
                f"letter or digit, at most {NAMESPACED_NAME_LIMIT} characters"
            )
        return option
    given = os.environ.get(OWNER_VARIABLE) or _user()
    label = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")[:NAMESPACED_NAME_LIMIT].rstrip("-")
    if not label:
        raise RefusedError(f"the owner {given!r} holds no letter or digit; name one with --owner")
    return label


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user-{os.getuid()}"


def now() -> datetime:
    """The time, in whole seconds, as records have it."""
    return datetime.now(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """A moment as in Kubernetes' own metadata, for example `2026-03-01T12:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime:
    """The opposite of `written`; raises OpsError for other text."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise OpsError(f"{text!r} is no moment such as 2026-03-01T12:00:00Z") from None


def span(wanted: timedelta) -> str:
    """A length of time for people, its two largest units: `3d 4h`, `2h 5m`, `40s`. Rounded to the smaller of the two,
    so that two hours are still `2h 0m` a second after they began."""
    seconds = abs(round(wanted.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    minutes = (seconds + 30) // 60
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h {minutes % 60}m"
    hours = (seconds + 1800) // 3600
    return f"{hours // 24}d {hours % 24}h"
