"""What happens to objects of a cluster, as it happens: the API server's own watches, read line by line."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from ops.child import speaking

if TYPE_CHECKING:
    import queue
    from collections.abc import Sequence

    from ops.kube import Kubectl, Manifest

_AGAIN_S = 0.5


class Event(NamedTuple):
    """One event: `gone` says that the object was removed."""

    item: Manifest
    gone: bool


class Events:
    """Watches over some paths of the API; use as a context manager. A watch that ends (the API server ends them from
    time to time, or restarts) is begun anew and then tells everything that is there, which readers have to bear."""

    def __init__(self, kubectl: Kubectl, paths: Sequence[str], sink: queue.SimpleQueue[Any]) -> None:
        """Nothing is watched yet; the paths are with query, without `watch`."""
        self._sink = sink
        self._kubectl = kubectl
        self._ended = threading.Event()
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._threads = [threading.Thread(target=self._watch, args=(path,), daemon=True) for path in paths]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join(2)

    def _watch(self, path: str) -> None:
        while not self._ended.is_set():
            process = speaking(self._kubectl.command(["get", "--raw", f"{path}&watch=1"]), subprocess.DEVNULL)
            self._processes[path] = process
            if self._ended.is_set():
                process.kill()
            for line in process.stdout or ():
                event = _parsed(line)
                if event is not None:
                    self._sink.put(event)
            process.wait()
            self._ended.wait(_AGAIN_S)


def _parsed(line: str) -> Event | None:
    try:
        found = cast("dict[str, Any]", json.loads(line))
    except ValueError:
        return None  # the API server ended in the middle of a line
    item = cast("Manifest", found.get("object") or {})
    if found.get("type") not in ("ADDED", "MODIFIED", "DELETED") or "metadata" not in item:
        return None
    return Event(item, found["type"] == "DELETED")
