"""Entry point of `slipway`. It loads nothing itself: Ctrl-C is told well even while the commands are being loaded."""

from __future__ import annotations

import signal
import sys

from stacks.garbage import relax

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it (128 + SIGINT)."""
INTERRUPTED_TEXT = "interrupted; run the same command again to continue"


def main() -> None:
    """Run the command line and exit with its code."""
    relax()
    code: object = 0
    try:
        from ops.app import app

        app()
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        sys.stderr.write(f"{INTERRUPTED_TEXT}\n")
        code = INTERRUPTED
    # What is left is to end: a further Ctrl-C has nothing to interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code if isinstance(code, int) else 0 if code is None else 1)
