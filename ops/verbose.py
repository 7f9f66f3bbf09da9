"""Whether a person wants to see more, said once for a command and all that it calls."""

from __future__ import annotations

import os

VERBOSE = "SLIPWAY_VERBOSE"
"""Environment variable that `slipway --verbose` sets."""


def is_verbose() -> bool:
    return bool(os.environ.get(VERBOSE))
