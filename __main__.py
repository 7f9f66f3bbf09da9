"""slipway: one Pulumi program that provisions clouds and deploys applications, per stack."""

import os
import sys

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from stacks.environment import build
from stacks.settings import SettingsError, parse

ALREADY_TOLD = 32
"""Exit code by which a program says that it has told its error: Pulumi adds no traceback and no message of its own."""

project, stack = pulumi.get_project(), pulumi.get_stack()
try:
    settings = parse(
        {**get_config_env(), **CONFIG.get()},
        project=project,
        source=f"stack {stack}",
        kube_context=os.environ.get("KUBE_CONTEXT") or None,
        stack=stack,
    )
except SettingsError as error:
    pulumi.log.error(str(error))
    sys.exit(ALREADY_TOLD)

for name, url in build(settings, project=project, stack=stack).urls.items():
    pulumi.export(name, url)
