"""Where an engine keeps generated values: writes new ones, and the Secrets made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

from ops.engines import stash
from ops.engines.lock import lease
from ops.errors import EngineError
from ops.kube import section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ops.engines.base import EngineName
    from ops.kube import Kubectl
    from ops.stack import Stack

_SECRET_SIGN = "4dabf18193072939515e22adb298388d"  # noqa: S105 - Pulumi's mark of a secret in its state, no secret
_STASH = "pulumi:index:Stash"


class Store(Protocol):
    """The engine's side of a rotation. Each call raises an `OpsError` that says what went wrong."""

    name: EngineName

    def held(self, kubectl: Kubectl, stack: Stack) -> AbstractContextManager[None]:
        """The stack's lock on a cluster."""
        ...

    def write(self, stack: Stack, cluster: str, values: Mapping[str, str]) -> None:
        """Keep new values, by the name of their stash, and write the cluster's Secrets anew."""
        ...


class HelmStore:
    """Values live in the cluster's stash; the Secrets are applied beside the chart."""

    name: EngineName = "helm"

    def held(self, kubectl: Kubectl, stack: Stack) -> AbstractContextManager[None]:
        """The stack's Lease."""
        return lease(kubectl, stack.name, "rotate", make_home=False)

    def write(self, stack: Stack, cluster: str, values: Mapping[str, str]) -> None:
        """Into the stash first: a run that is killed between the two is finished by the next `up`."""
        kubectl = stack.kubectl(cluster)
        kept = {**stash.read(kubectl, stack.name), **values}
        stash.keep(kubectl, stack.name, kept)
        wanted = [secret for secret in stack.rendered.secrets[cluster] if set(secret.stashes) & set(values)]
        kubectl.apply([stash.filled(secret, kept) for secret in wanted], manager=stash.FIELD_MANAGER)


class PulumiStore:
    """Values live in the state, as outputs of `pulumi.Stash`, which keeps its first input for good."""

    name: EngineName = "pulumi"

    def __init__(self, cli: Path) -> None:
        """Bind Pulumi's CLI."""
        self._cli = cli

    def held(self, kubectl: Kubectl, stack: Stack) -> AbstractContextManager[None]:
        """Nothing: the update takes the backend's own lock, and the file lock is held."""
        from contextlib import nullcontext

        del kubectl, stack
        return nullcontext()

    def write(self, stack: Stack, cluster: str, values: Mapping[str, str]) -> None:
        """Into the state, encrypted again by the stack's key; then the Secrets alone are updated from it."""
        from pulumi import automation
        from pulumi.automation.errors import CommandError

        from ops.engines.session import open_stack, told

        with open_stack(self._cli, stack, create=False) as session:
            session.settle()
            exported = session.exported()
            deployment = with_values(cast("dict[str, Any]", exported.deployment), values)
            session.imported(automation.Deployment(exported.version, deployment))
            names = {secret.manifest["metadata"]["name"] for secret in stack.rendered.secrets[cluster]}
            targets = [
                str(entry["urn"])
                for entry in cast("list[dict[str, Any]]", deployment.get("resources") or [])
                if entry["type"] == "kubernetes:core/v1:Secret"
                and section(entry, "inputs", "metadata").get("name") in names
            ]
            try:
                session.stack.up(target=targets, color="never")
            except CommandError as error:
                raise EngineError(f"the Secrets of stack {stack.name} cannot be written: {told(error)}") from None


def with_values(deployment: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A state whose stashes hold other values.

    Args:
        deployment: The state as it is exported, its secrets encrypted.
        values: Logical name of a stash to its new value.

    Returns:
        The state to import; Pulumi encrypts what is marked as secret.

    Raises:
        EngineError: A stash is not in the state, or its values are not marked as secret there.
    """
    changed = cast("dict[str, Any]", json.loads(json.dumps(deployment)))
    missing = set(values)
    for entry in cast("list[dict[str, Any]]", changed.get("resources") or []):
        name = str(entry["urn"]).rsplit("::", 1)[-1]
        if entry["type"] != _STASH or name not in values:
            continue
        for side in (section(entry, "inputs"), section(entry, "outputs")):
            for secret in (section(side, key) for key in ("input", "output") if key in side):
                if _SECRET_SIGN not in secret:
                    raise EngineError(f"{name} is not kept as a secret in the state; nothing was changed")
                secret.pop("ciphertext", None)
                secret["plaintext"] = json.dumps(values[name])
        missing.discard(name)
    if missing:
        raise EngineError(f"{', '.join(sorted(missing))} is not in the state; slipway up first")
    return changed
