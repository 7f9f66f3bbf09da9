"""Settings: the plain data of a stack, parsed into one frozen object before the first resource is made."""

from stacks.settings.parse import parse
from stacks.settings.problems import Problem, SettingsError
from stacks.settings.root import Settings

__all__ = ["Problem", "Settings", "SettingsError", "parse"]
