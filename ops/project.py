"""Where the project lies."""

from __future__ import annotations

import os
from pathlib import Path

from ops.errors import OpsError

PROJECT_VARIABLE = "SLIPWAY_PROJECT"
"""Environment variable that names another project directory."""


def project_dir() -> Path:
    """The directory of Pulumi.yaml (else OpsError) and `__main__.py`: `$SLIPWAY_PROJECT`, else this package's."""
    override = os.environ.get(PROJECT_VARIABLE, "")
    directory = Path(override).expanduser().absolute() if override else Path(__file__).resolve().parents[1]
    if not (directory / "Pulumi.yaml").is_file():
        hint = f"; set {PROJECT_VARIABLE} to the directory of the clone" if not override else ""
        raise OpsError(f"{directory} holds no Pulumi.yaml, so it is no project directory{hint}")
    return directory
