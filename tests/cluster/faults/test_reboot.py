"""The machine restarts without warning: one `slipway local up`, and every app answers with its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import faults, live
from tests.support.faults import Observed

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("turn", [0, pytest.param(1, marks=pytest.mark.soak)])
def test_after_a_reboot_every_app_answers_without_an_up_of_the_stack(
    dev: LiveStack, urls: dict[str, str], places: list[str], turn: int
) -> None:
    assert len(urls) >= 8
    guestbook = f"{urls['guestbook-frontend']}/guestbook.php"
    faults.body(f"{guestbook}?cmd=set&key=messages&value=before-{turn}")
    observed = Observed("machine rebooted")
    faults.reboot()
    assert not any(faults.speaks(url) for url in urls.values())
    with faults.timed(observed):
        faults.repair()
    with faults.timed(observed):
        faults.wait_well(places)
        for url in urls.values():
            live.wait_for(lambda url=url: faults.speaks(url), 60, f"an answer of {url}")
    observed.tell()
    live.wait_for(lambda: faults.says(f"{guestbook}?cmd=get&key=messages", f"before-{turn}"), 30, "the entry")
    assert "no changes" in dev.run("preview").stdout
