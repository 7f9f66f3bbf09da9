"""What a bootstrap does for a stack, taken from its settings alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.foundation.state_names import backend_url, key_alias, secrets_provider
from ops.errors import RefusedError
from ops.settings import settings_of
from stacks.settings.clouds import AwsCloud, GcpCloud
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from pathlib import Path

_TEXTS = ("lifecycle", "owner", "namespacePrefix")
_MAPPINGS = ("clouds", "state")


@dataclass(frozen=True)
class BootstrapPlan:
    """Where the state goes (backend and secrets provider are URLs as Pulumi takes them), and what has to be made first:
    `config` is the configuration of a stack file that makes the bucket (and the registries) alone."""

    project: str
    stack: str
    bucket: str
    cloud: AwsCloud
    backend: str
    secrets_provider: str
    config: dict[str, Any]
    needs_google: bool


def make_plan(directory: Path, stack: str, *, registries: bool) -> BootstrapPlan:
    """Read the stack's settings; raises SettingsError, or RefusedError where the stack names no state bucket."""
    source = read_stack_config(directory, stack)
    settings = settings_of(source)
    state = settings.state
    if state is None:
        raise RefusedError(
            f"stack {stack} names no state bucket, so there is nothing to do; add {source.project}:state to "
            f"{source.source}, or keep its state where it is"
        )
    cloud = settings.clouds[state.cloud]
    if not isinstance(cloud, AwsCloud):
        raise RefusedError(f"{source.project}:state.cloud = {state.cloud}: must be a cloud of kind aws")
    used = {state.cloud}
    if registries:
        used |= {registry.cloud for registry in settings.registries.values()}
    keys = {key: f"{source.project}:{key}" for key in (*_TEXTS, *_MAPPINGS, *(["registries"] if registries else []))}
    texts = {key: source.values[full] for key, full in keys.items() if full in source.values}
    values: dict[str, Any] = {key: text if key in _TEXTS else json.loads(text) for key, text in texts.items()}
    values["clouds"] = {name: entry for name, entry in values["clouds"].items() if name in used}
    alias = key_alias(source.project, source.stack)
    return BootstrapPlan(
        project=source.project,
        stack=source.stack,
        bucket=state.bucket,
        cloud=cloud,
        backend=backend_url(state.bucket, cloud.region, cloud.role_arn),
        secrets_provider=secrets_provider(alias, cloud.region, cloud.role_arn),
        config={keys[key]: value for key, value in values.items()},
        needs_google=any(isinstance(settings.clouds[name], GcpCloud) for name in used),
    )
