"""Files that are replaced as a whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ops.errors import OpsError
from ops.files import replace

if TYPE_CHECKING:
    from pathlib import Path


def test_a_link_its_file_and_the_files_mode_and_owner_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    os.chown(file, 1, 1) if os.geteuid() == 0 else None
    owner = file.stat().st_uid
    link.symlink_to(file)
    replace(link, "after")
    assert link.is_symlink()
    assert file.read_text() == "after"
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o640, owner)


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_text("before")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OpsError, match="No space left on device; it is as it was"):
        replace(tmp_path / "file", "after")
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
