"""Programs from the Python package index that run in environments of their own, pinned with hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from local import paths
from local.errors import LocalError

SCRIPTS = Path(__file__).parents[2] / "scripts"


def environment(name: str) -> Path:
    """The `bin` directory of an environment with what `scripts/requirements-<name>.txt` pins; made once, in the cache.
    Raises LocalError where it cannot be made."""
    file = SCRIPTS / f"requirements-{name}.txt"
    digest = hashlib.sha256(file.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = paths.cache() / "python" / f"{name}-{digest}"
    if not (home / "complete").is_file():
        _make(home, file)
    return home / "bin"


def _make(home: Path, file: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "venv", "--without-pip" if shutil.which("uv") else "--upgrade-deps", str(home)], file)
    python = home / "bin" / "python"
    # Everything by its hash, wheels alone: no package runs code of its own while it is installed.
    options = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(file)]
    if uv := shutil.which("uv"):
        _run([uv, "pip", *options, "--python", str(python)], file)
    else:
        _run([str(python), "-m", "pip", "--disable-pip-version-check", *options], file)
    (home / "complete").touch()


def _run(command: list[str], file: Path) -> None:
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False, env={**os.environ, "VIRTUAL_ENV": ""})
        if done.returncode != 0:
            output.seek(0)
            said = output.read()[-600:].decode("utf-8", "replace").strip()
            raise LocalError(f"what {file.name} pins cannot be installed: {said or 'no output'}")
