"""Fetch one URL into a file: `python fetch.py URL FILE`. A process of its own, which can be ended at any moment.

Exit code 1: it was answered with an error; 2: nobody answered, or the answer broke off; 3: it cannot be written.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

# Ctrl-C is told by whoever started this.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import httpx  # noqa: E402

_TIMEOUT = httpx.Timeout(15, connect=4)
"""Seconds: whoever does not answer by then is not waited for."""


def main(url: str, path: str) -> int:
    """Fetch, and say in one line why it failed."""
    try:
        with (
            httpx.stream(
                "GET", url, timeout=_TIMEOUT, follow_redirects=True, headers={"Accept-Encoding": "identity"}
            ) as answer,
            Path(path).open("wb") as file,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_raw():
                file.write(chunk)
    except httpx.HTTPStatusError as error:
        print(f"answers {error.response.status_code}")
        return 1
    except OSError as error:
        print(error)
        return 3
    except Exception as error:  # noqa: BLE001 - also a proxy setting that cannot be read ends here
        print(str(error) or type(error).__name__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
