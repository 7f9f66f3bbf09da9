"""slipway: one Pulumi program that provisions clouds and deploys applications, per stack."""

import os

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from stacks.environment import build
from stacks.settings import SettingsError, parse

project, stack = pulumi.get_project(), pulumi.get_stack()
try:
    settings = parse(
        {**get_config_env(), **CONFIG.get()},
        project=project,
        source=f"stack {stack}",
        kube_context=os.environ.get("KUBE_CONTEXT") or None,
    )
except SettingsError as error:
    # Told by Pulumi as it is, without a traceback.
    raise pulumi.RunError(str(error)) from None

for name, url in build(settings, project=project, stack=stack).urls.items():
    pulumi.export(name, url)
