"""The soak: whether this is one, and its end, after which no test begins and no loop goes on."""

from __future__ import annotations

import os
import time

VARIABLE = "SLIPWAY_TEST_SOAK"
ASKED = os.environ.get(VARIABLE) == "1"
"""Whether `make soak` runs the tests."""
_DEADLINE = float(os.environ.get("SLIPWAY_TEST_DEADLINE", "inf"))


def over() -> bool:
    return time.time() > _DEADLINE
