"""Images to release: derived from the own image `h2o` by a layer or another command, pushed to the local registry."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from local import toolchain

REGISTRY = "127.0.0.1:5000"
BASE = f"{REGISTRY}/h2o:1"


def _crane(*arguments: str) -> str:
    done = subprocess.run(
        [str(toolchain.tool("crane")), *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"crane {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def with_files(tag: str, files: dict[str, str]) -> str:
    """`h2o:<tag>` serves other files; returns its digest."""
    with tempfile.TemporaryDirectory(prefix="slipway-layer-") as temporary:
        layer = Path(temporary) / "layer.tar"
        with tarfile.open(layer, "w") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"var/www/html/{name}")
                entry.size, entry.mode = len(text.encode()), 0o644
                archive.addfile(entry, io.BytesIO(text.encode()))
        _crane("append", "--base", BASE, "--new_layer", str(layer), "--new_tag", f"{REGISTRY}/h2o:{tag}")
    return digest(tag)


def good(tag: str) -> str:
    """An image that says its tag at `/`; returns its digest."""
    return with_files(tag, {"index.html": f"Served by h2o, release {tag}\n"})


def wrong(tag: str) -> str:
    """An image that becomes ready and fails the smoke check."""
    return with_files(tag, {"auth.json": '{"succeeded": false}\n'})


def with_command(tag: str, *command: str) -> str:
    """An image that runs something else; returns its digest."""
    words = [f"--entrypoint={command[0]}", *(f"--cmd={word}" for word in command[1:])]
    _crane("mutate", BASE, *words, "--tag", f"{REGISTRY}/h2o:{tag}")
    return digest(tag)


def crashing(tag: str) -> str:
    """An image whose program ends with an error as soon as it starts."""
    return with_command(tag, "/bin/sh", "-c", "echo no configuration found >&2; exit 3")


def mute(tag: str) -> str:
    """An image whose program runs and never listens."""
    return with_command(tag, "/bin/sleep", "3600")


def digest(tag: str) -> str:
    """Digest of `h2o:<tag>` in the local registry."""
    return _crane("digest", f"{REGISTRY}/h2o:{tag}")
