"""The few calls of GitHub's REST API that are needed (https://docs.github.com/en/rest)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httpx

from ops.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION = "2022-11-28"
_PAGE = 100
_PAGES = 50
_TIMEOUT_S = 30.0
_RETRIES = 3
BOT = "github-actions[bot]"
"""Who a workflow's own token is."""


@dataclass(frozen=True)
class Repository:
    """A repository at GitHub.

    Attributes:
        name: `owner/name`.
        token: Token of the workflow's run.
        api: Address of the API.
    """

    name: str
    token: str
    api: str

    @classmethod
    def of_run(cls, environment: Mapping[str, str] = os.environ) -> Repository:
        """The repository of the workflow that runs this.

        Args:
            environment: Variables: GITHUB_REPOSITORY, GITHUB_TOKEN, and GITHUB_API_URL where it is not github.com.

        Returns:
            The repository.

        Raises:
            OpsError: A variable is missing or wrong.
        """
        name, token = (environment.get(key, "") for key in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"))
        if not re.fullmatch(r"\w[\w.-]*/[\w.-]*\w[\w.-]*", name):
            raise OpsError(f"GITHUB_REPOSITORY is {name!r}; it must be owner/name, as in a workflow's run")
        if not token:
            raise OpsError("GITHUB_TOKEN is empty; give the job's step `GITHUB_TOKEN: ${{ github.token }}`")
        return cls(name, token, environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"))

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """One request.

        Args:
            method: HTTP method.
            path: Path below the repository.
            arguments: `params` or `json` of httpx.

        Returns:
            The answer's JSON.

        Raises:
            OpsError: GitHub cannot be reached or refuses.
        """
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": _VERSION,
        }
        url = f"{self.api}/repos/{self.name}/{path}"
        try:
            with httpx.Client(timeout=_TIMEOUT_S, transport=httpx.HTTPTransport(retries=_RETRIES)) as client:
                answer = client.request(method, url, headers=headers, **arguments)
        except httpx.HTTPError as error:
            raise OpsError(f"GitHub does not answer ({method} {url}): {error}") from None
        if answer.is_error:
            try:
                said = str(cast("Mapping[str, Any]", answer.json()).get("message", ""))
            except (ValueError, AttributeError):
                said = answer.text[:200]
            raise OpsError(f"GitHub refuses {method} {url}: {answer.status_code} {said}")
        return answer.json()

    def pages(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Every entry of a list.

        Args:
            path: Path below the repository.
            params: Parameters of the query.

        Yields:
            The entries.

        Raises:
            OpsError: GitHub cannot be reached or refuses.
        """
        for page in range(1, _PAGES + 1):
            entries = self.call("GET", path, params={**params, "per_page": str(_PAGE), "page": str(page)})
            yield from cast("list[dict[str, Any]]", entries)
            if len(entries) < _PAGE:
                return


def is_ours(entry: Mapping[str, Any], marker: str) -> bool:
    """Whether a comment or issue was written by a workflow and begins with the marker; anybody can copy a marker."""
    author = cast("Mapping[str, Any]", entry.get("user") or {}).get("login")
    return author == BOT and str(entry.get("body") or "").startswith(marker)
