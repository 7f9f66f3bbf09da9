"""Kubernetes quantities as numbers."""

from __future__ import annotations

import re

# The number of digits is bounded: Python refuses to convert very long ones.
_CPU = re.compile(r"(?:[1-9][0-9]{0,9}m|[0-9]{1,9}(?:\.[0-9]{1,3})?)")
_BYTES = re.compile(r"([1-9][0-9]{0,17})(Ki|Mi|Gi|Ti|k|M|G|T)?")
_BYTE_UNITS = {
    None: 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def cpu_millis(value: str) -> int:
    """A CPU quantity in thousandths of a core.

    Args:
        value: A Kubernetes CPU quantity such as `100m` or `0.5`.

    Returns:
        Milli-cores (100 for `100m`).

    Raises:
        ValueError: It is not a CPU quantity or is not more than zero.
    """
    text = value.strip()
    if not _CPU.fullmatch(text):
        raise ValueError("must be a CPU quantity such as 100m or 0.5")
    millis = int(text[:-1]) if text.endswith("m") else round(float(text) * 1000)
    if not 0 < millis <= 1_000_000:
        raise ValueError("must be a CPU quantity of more than 0 and at most 1000 cores, such as 100m")
    return millis


def memory_bytes(value: str) -> int:
    """A memory or storage quantity in bytes.

    Args:
        value: A Kubernetes quantity such as `100Mi` or `2Gi`.

    Returns:
        Bytes.

    Raises:
        ValueError: It is not such a quantity.
    """
    match = _BYTES.fullmatch(value.strip())
    if not match:
        raise ValueError("must be a size such as 100Mi or 2Gi")
    return int(match.group(1)) * _BYTE_UNITS[match.group(2)]
