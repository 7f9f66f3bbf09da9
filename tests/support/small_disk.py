"""A file system of a few megabytes in the place of a directory, never the machine's own disk."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_FILLER = "filler"
MB = 1 << 20


def used(directory: Path) -> int:
    """Bytes on the disk below a directory."""
    done = subprocess.run(["du", "-s", "-B1", str(directory)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs over a directory, with its content."""

    directory: Path

    def fill(self) -> None:
        """Take all the room that is left."""
        descriptor = os.open(self.directory / _FILLER, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            while os.write(descriptor, bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)

    def make_room(self) -> None:
        """Give the room back."""
        (self.directory / _FILLER).unlink()


@contextmanager
def instead_of(directory: Path, spare: int) -> Generator[SmallDisk]:
    """A copy of a directory on a tmpfs with `spare` bytes of room, in its place; at the end the content goes back to
    where it was. Nobody may use the directory while either happens."""
    scratch = directory.with_name(f"{directory.name}.small")
    scratch.mkdir()
    size = used(directory) + spare
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(scratch)], check=True)
    subprocess.run(["cp", "-a", f"{directory}/.", str(scratch)], check=True)
    subprocess.run(["mount", "--move", str(scratch), str(directory)], check=True)
    scratch.rmdir()
    try:
        yield SmallDisk(directory)
    finally:
        (directory / _FILLER).unlink(missing_ok=True)
        _write_back(directory, scratch)


def _write_back(directory: Path, scratch: Path) -> None:
    scratch.mkdir()
    subprocess.run(["mount", "--move", str(directory), str(scratch)], check=True)
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    subprocess.run(["cp", "-a", f"{scratch}/.", str(directory)], check=True)
    subprocess.run(["umount", "--lazy", str(scratch)], check=True)
    scratch.rmdir()
