from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from images.serving import environment

# The tests that the image's build runs too, there with Debian's Flask and gunicorn.
from images.serving.selftest import Serving, Stopping

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Serving", "Stopping"]


def test_settings_come_from_variables_or_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from file\n", encoding="utf-8")
    monkeypatch.setenv("A_FILE", str(file))
    assert environment.required("A") == "from file"
    monkeypatch.setenv("A", "from variable")
    with pytest.raises(SystemExit, match="A and A_FILE are both set"):
        environment.required("A")
    monkeypatch.delenv("A_FILE")
    assert environment.required("A") == "from variable"
    with pytest.raises(SystemExit, match="B is not set"):
        environment.required("B")
    monkeypatch.setenv("B_FILE", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match=r"B_FILE=.*none cannot be read"):
        environment.optional("B")


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "80.0"])
def test_a_port_is_a_number_in_range(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(SystemExit, match="is not a port"):
        environment.port("PORT", 80)
