"""Generated values in Pulumi's state: new ones written into it, and the Secrets made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from pulumi import automation
from pulumi.automation.errors import CommandError

from ops.errors import EngineError
from ops.kube import section
from ops.pulumi.session import open_stack, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.pulumi.cli import Cli
    from ops.stack import Stack

_SECRET_SIGN = "4dabf18193072939515e22adb298388d"  # noqa: S105 - Pulumi's mark of a secret in its state, no secret
_STASH = "pulumi:index:Stash"


def write(cli: Cli, stack: Stack, cluster: str, values: Mapping[str, str]) -> None:
    """Write new values, by the logical names of their stashes, into the state, encrypted again by the stack's key; then
    update the Secrets alone from it. `pulumi.Stash` keeps its first input for good, so an update would not change them.
    Raises EngineError where a value is not in the state, or the Secrets cannot be written."""
    with open_stack(cli, stack, create=False) as session:
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
            session.stack.up(target=targets, color="never", message="rotate generated credentials", show_secrets=False)
        except CommandError as error:
            raise EngineError(f"the Secrets of stack {stack.name} cannot be written: {told(error)}") from None


def with_values(deployment: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The state to import with other values, by the logical names of their stashes; Pulumi encrypts what is marked as
    secret. Raises EngineError where a stash is not in the state, or its values are not marked so there."""
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
