"""A Go program that a single image consists of, built from a module in the image's own directory.

Programs that the machine itself runs, or that several images hold, are tools (local.toolchain).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from local import paths
from local.errors import LocalError
from local.golang import caches_in_use, go_command, go_environment
from local.images.shell import run

if TYPE_CHECKING:
    from local.progress import Progress


class GoProgram(BaseModel):
    """What to build: `[go]` in an image.toml. The image's directory has the go.mod and go.sum that pin it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str = Field(min_length=1)
    """The main package; its module is required by go.mod, and that version is the program's."""
    tags: tuple[str, ...] = ()
    stamp: str = ""
    """The linker variable that gets the version, without its leading v."""

    @property
    def name(self) -> str:
        """The program's file name."""
        return self.package.rpartition("/")[2]

    def inputs(self) -> str:
        """What besides go.mod and go.sum decides the program, as one line."""
        return f"go {self.package} tags={','.join(self.tags)} stamp={self.stamp}"


def build(program: GoProgram, directory: Path, progress: Progress) -> Path:
    """The built program, from the cache if it was built from the same pins.

    Args:
        program: what to build.
        directory: the image's directory, with go.mod and go.sum.
        progress: where to report.

    Raises:
        LocalError: no Go and none to be had, or the build fails.
    """
    there = cached(program, directory)
    if there is not None:
        return there
    home, version = _home(program, directory)
    target = home / program.name
    go = go_command(directory, progress)
    home.mkdir(parents=True, exist_ok=True)
    flags = f"-s -w -X {program.stamp}={version.removeprefix('v')}" if program.stamp else "-s -w"
    step = progress.step(f"build {program.name} {version}")
    with step, caches_in_use(), tempfile.TemporaryDirectory(dir=home) as temporary:
        draft = Path(temporary) / program.name
        command = [str(go), "build", "-C", str(directory), "-tags", ",".join(program.tags), "-ldflags", flags]
        run([*command, "-o", str(draft), program.package], f"building {program.name} {version}", go_environment(go))
        draft.replace(target)
    return target


def cached(program: GoProgram, directory: Path) -> Path | None:
    """The built program if the cache has it for these pins, else None. Never builds."""
    target = _home(program, directory)[0] / program.name
    return target if target.is_file() else None


def _home(program: GoProgram, directory: Path) -> tuple[Path, str]:
    """Where the program lies in the cache, and its version."""
    pins = [(directory / name).read_bytes() for name in ("go.mod", "go.sum")]
    key = hashlib.sha256(b"\0".join([*pins, program.inputs().encode()])).hexdigest()[:12]
    version = _version(program, pins[0].decode(), directory)
    return paths.tools() / program.name / f"{version}-{key}", version


def _version(program: GoProgram, go_mod: str, directory: Path) -> str:
    """The version of the required module that the package is in: the one whose path is the package's beginning."""
    required = re.findall(r"^\s*(?:require\s+)?(\S+)\s+(v\S+)", go_mod, re.MULTILINE)
    found = [(path, version) for path, version in required if f"{program.package}/".startswith(f"{path}/")]
    if not found:
        raise LocalError(f"{directory / 'go.mod'} requires no module that {program.package} is in")
    return max(found, key=lambda item: len(item[0]))[1]
