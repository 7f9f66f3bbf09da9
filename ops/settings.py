"""A stack's settings, as every command reads them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stacks.settings import parse

if TYPE_CHECKING:
    from stacks.settings import Settings
    from stacks.stack_file import StackConfig


def settings_of(config: StackConfig) -> Settings:
    """The settings, or SettingsError; the context KUBE_CONTEXT takes the place of the embedded cluster."""
    context = os.environ.get("KUBE_CONTEXT") or None
    return parse(config.values, project=config.project, source=config.source, stack=config.stack, kube_context=context)
