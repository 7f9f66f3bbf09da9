"""Entry point of `slipway`. It loads nothing itself: Ctrl-C is told well even while the commands are being loaded."""

from __future__ import annotations

import locale
import os
import signal
import sys

from ops.errors import INTERRUPTED, INTERRUPTED_TEXT
from stacks.garbage import relax


def _open_streams() -> None:
    """Put /dev/null where a standard stream is closed: the next file that is opened would take its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, this one
            os.set_inheritable(number, True)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def _read_utf8() -> None:
    """Begin again in UTF-8 mode (PEP 540) where the locale is another: files and programs speak UTF-8 all the same."""
    own = locale.getpreferredencoding()
    if own.lower().replace("-", "") != "utf8" and not sys.flags.ignore_environment:
        os.environ.update(PYTHONUTF8="1", PYTHONIOENCODING=f"{own}:backslashreplace")
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - this very program
    if "PYTHONUTF8" in os.environ:
        os.environ.pop("PYTHONIOENCODING", None)  # it is for this process alone
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")


def main() -> None:
    _open_streams()
    _read_utf8()
    # Nobody forks but to start a program, which its handlers can crash: https://github.com/grpc/grpc/issues/43055.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
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
