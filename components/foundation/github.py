"""GitHub repositories, as their jobs name themselves to a cloud. Imports no SDK, so that settings can read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

ISSUER = "token.actions.githubusercontent.com"
_ID = r"(?:@([1-9][0-9]{0,18}))?"
_REPOSITORY = re.compile(
    rf"([A-Za-z0-9](?:[A-Za-z0-9-]{{0,37}}[A-Za-z0-9])?){_ID}/([A-Za-z0-9._-]{{1,100}}){_ID}",
)


@dataclass(frozen=True)
class GithubRepository:
    """A repository.

    Attributes:
        owner: Name of its owner.
        name: Its own name.
        owner_id: Number of the owner; None: not known.
        repository_id: Number of the repository; None: not known.
    """

    owner: str
    name: str
    owner_id: str | None = None
    repository_id: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `owner/name`, or `owner@id/name@id` with the numbers that no rename changes.

        Args:
            text: What a stack file says.

        Returns:
            The repository.

        Raises:
            ValueError: It is neither.
        """
        match = _REPOSITORY.fullmatch(text)
        if match is None or (match[2] is None) != (match[4] is None):
            raise ValueError(
                "must be a GitHub repository such as owner/name, or with both numbers owner@123/name@456 "
                "(gh api repos/owner/name --jq '.owner.id, .id')"
            )
        return cls(match[1], match[3], match[2], match[4])

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    def subjects(self, environment: str) -> tuple[str, ...]:
        """What GitHub may say of a job in its `sub` claim.

        Repositories that were made, renamed or transferred since 15 July 2026 say it with the numbers
        (https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims); which kind one is,
        nobody can tell from its name.

        Args:
            environment: GitHub environment that the job runs in.

        Returns:
            The subjects, the one without numbers first.
        """
        plain = f"repo:{self.full_name}:environment:{environment}"
        if self.repository_id is None:
            return (plain,)
        numbered = f"{self.owner}@{self.owner_id}/{self.name}@{self.repository_id}"
        return (plain, f"repo:{numbered}:environment:{environment}")


@dataclass(frozen=True)
class GithubJob:
    """The jobs that become an identity.

    Attributes:
        repository: Their repository.
        environment: The GitHub environment that they run in.
    """

    repository: GithubRepository
    environment: str

    @property
    def subjects(self) -> list[str]:
        """Their `sub` claims."""
        return list(self.repository.subjects(self.environment))


def federation_condition(repositories: Iterable[GithubRepository]) -> str:
    """Which repositories' jobs a Google identity provider lets in at all; anybody's has the same issuer.

    Args:
        repositories: The repositories.

    Returns:
        A condition in the Common Expression Language. One whose number is known is known by it alone.
    """
    repositories = list(repositories)
    numbers = {repository.repository_id for repository in repositories if repository.repository_id is not None}
    names = {repository.full_name for repository in repositories if repository.repository_id is None}
    return " || ".join(
        f"assertion.{claim} in {sorted(values)}"
        for claim, values in (("repository_id", numbers), ("repository", names))
        if values
    )
