"""What happens to objects of a cluster, as it happens: the API server's own watches, read line by line."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ops.child import speaking

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from ops.kube import Kubectl, Manifest

_AGAIN_S = 0.5


class Event(NamedTuple):
    item: Manifest
    deleted: bool


@contextmanager
def watching(kubectl: Kubectl, paths: Sequence[str], tell: Callable[[Event], object]) -> Generator[None]:
    """Watch paths of the API (with query, without `watch`). A watch that ends, as the API server ends them from time to
    time, is begun anew and then tells everything that is there, which readers have to bear."""
    ended = threading.Event()
    processes: dict[str, subprocess.Popen[str]] = {}

    def watch(path: str) -> None:
        while not ended.is_set():
            process = speaking(kubectl.command(["get", "--raw", f"{path}&watch=1"]), subprocess.DEVNULL)
            processes[path] = process
            if ended.is_set():
                process.kill()
            for line in process.stdout or ():
                if (event := _parsed(line)) is not None:
                    tell(event)
            process.wait()
            ended.wait(_AGAIN_S)

    threads = [threading.Thread(target=watch, args=(path,), daemon=True) for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for process in list(processes.values()):
            process.kill()
        for thread in threads:
            thread.join(2)


def _parsed(line: str) -> Event | None:
    try:
        found = cast("dict[str, Any]", json.loads(line))
    except ValueError:
        return None  # the API server ended in the middle of a line
    item = cast("Manifest", found.get("object") or {})
    if found.get("type") not in ("ADDED", "MODIFIED", "DELETED") or "metadata" not in item:
        return None
    return Event(item, found["type"] == "DELETED")
