"""How often Python looks for garbage while the program runs."""

from __future__ import annotations

import gc

THRESHOLDS = (250_000, 50, 50)
"""New objects until the young ones are looked through, and how many of these looks until older ones are."""


def relax() -> None:
    """Look for garbage less often.

    The SDKs are tens of thousands of classes that stay, and so does nearly all that a program registers: with Python's
    own thresholds, looking for garbage among them takes a third of the time of a run. Call it before they are loaded.
    """
    gc.set_threshold(*THRESHOLDS)
