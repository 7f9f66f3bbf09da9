"""The errors of the command line that reach a person."""

from __future__ import annotations

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""
INTERRUPTED_TEXT = "interrupted; run the same command again to continue"


class OpsError(Exception):
    """Something a person has to know; the message is whole: what, the value, and what would be right. The command line
    prints it as `error: …` on standard error and exits with code 1, without a traceback."""


class UnreachableError(OpsError):
    """A cluster does not answer, or its kubeconfig does not lead to one."""


class EngineError(OpsError):
    """Pulumi could not do its work."""


class RefusedError(OpsError):
    """A stack or a wish that is not taken; nothing was changed."""


class BusyError(RefusedError):
    """Another run is at work on the same thing; nothing was changed."""
