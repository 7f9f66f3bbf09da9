"""What a bootstrap does for a stack, taken from its settings alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from components.foundation.state_names import backend_url, key_alias, secrets_provider
from ops.errors import RefusedError
from ops.settings import settings_of
from stacks.settings.clouds import AwsCloud, GcpCloud
from stacks.stack_file import read_stack_config

if TYPE_CHECKING:
    from pathlib import Path

_ALWAYS = ("lifecycle", "owner", "namespacePrefix", "clouds", "state")


@dataclass(frozen=True)
class BootstrapPlan:
    """Where the state goes (backend and secrets provider are URLs as Pulumi takes them), and what has to be made first:
    `config` is the content of a stack file that makes the bucket (and the registries) alone."""

    project: str
    stack: str
    bucket: str
    region: str
    account_id: str
    profile: str | None
    role_arn: str | None
    backend: str
    secrets_provider: str
    config: str
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
    values: dict[str, Any] = {}
    for key in (*_ALWAYS, *(["registries"] if registries else [])):
        text = source.values.get(f"{source.project}:{key}")
        if text is not None:
            values[key] = _value(key, text)
    values["clouds"] = {name: entry for name, entry in values["clouds"].items() if name in used}
    alias = key_alias(source.project, source.stack)
    return BootstrapPlan(
        project=source.project,
        stack=source.stack,
        bucket=state.bucket,
        region=cloud.region,
        account_id=cloud.account_id,
        profile=cloud.profile,
        role_arn=cloud.role_arn,
        backend=backend_url(state.bucket, cloud.region, cloud.role_arn),
        secrets_provider=secrets_provider(alias, cloud.region, cloud.role_arn),
        config=yaml.safe_dump({"config": {f"{source.project}:{key}": value for key, value in values.items()}}),
        needs_google=any(isinstance(settings.clouds[name], GcpCloud) for name in used),
    )


def _value(key: str, text: str) -> Any:
    return text if key in ("lifecycle", "owner", "namespacePrefix") else json.loads(text)
