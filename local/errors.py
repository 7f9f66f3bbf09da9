"""The one error type that reaches a person."""

from __future__ import annotations


class LocalError(Exception):
    """Something about this machine or the embedded cluster that a person has to know.

    The message says what is wrong, with the value, and what would be right. Command lines print it as `error: …` on
    standard error and exit with code 1, without a traceback.
    """
