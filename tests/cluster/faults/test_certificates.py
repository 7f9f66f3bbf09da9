"""Certificates that are about to expire: `slipway local up` renews them, and nobody who uses the cluster notices."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from local import paths, pki
from tests.support import faults, live
from tests.support.faults import Observed
from tests.support.load import Load

if TYPE_CHECKING:
    from collections.abc import Sequence


pytestmark = pytest.mark.cluster

NAMESPACE = "h2o"


@pytest.fixture(scope="module")
def url(urls: dict[str, str]) -> str:
    return urls["h2o-example"]


def age(names: Sequence[str], days_left: int) -> None:
    """Replace certificates by ones that were made long ago, with the code that makes them."""
    life = 3650 if set(names) <= set(pki.AUTHORITIES) else 365
    for name in names:
        pki.certificate(paths.PKI, name).unlink()
        pki.key(paths.PKI, name).unlink()
    then = dt.datetime.now(dt.UTC) - dt.timedelta(days=life - days_left)
    assert set(names) <= set(pki.ensure(paths.PKI, then))
    assert left(names[0]) in (dt.timedelta(days=days_left - 1), dt.timedelta(days=days_left))


def left(name: str) -> dt.timedelta:
    """How many days a certificate is good for, rounded down."""
    found = x509.load_pem_x509_certificate(pki.certificate(paths.PKI, name).read_bytes())
    return dt.timedelta(days=(found.not_valid_after_utc - dt.datetime.now(dt.UTC)).days)


def restarts() -> dict[str, int]:
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": sum(
            status["restartCount"] for status in pod["status"].get("containerStatuses", [])
        )
        for pod in live.get("pods", "-A")
    }


@pytest.mark.slow
def test_certificates_about_to_expire_are_renewed(url: str, places: list[str]) -> None:
    leaves = [leaf.name for leaf in pki.LEAVES]
    before = restarts()
    age(leaves, 20)
    story = "all certificates but the authorities' about to expire (20 days)"
    with faults.unnoticed(story, Load(url, fresh_clients=1)) as observed:
        with faults.timed(observed):
            faults.repair()
            faults.wait_well(places)
        time.sleep(2)
    assert all(left(name) > dt.timedelta(days=360) for name in leaves)
    # No pod was touched, and pods still come.
    assert restarts() == before
    live.kubectl("delete", "pod", faults.ready(NAMESPACE)[0], "-n", NAMESPACE, "--wait=false")
    faults.wait_well(places)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("story", "days_left"),
    [("all authorities expired 10 days ago", -10), ("all certificates made by a clock a day ahead", 3651)],
)
def test_authorities_that_are_no_good_are_replaced(
    urls: dict[str, str], url: str, places: list[str], story: str, days_left: int
) -> None:
    """The worst case: switched off for ten years, or a clock that was wrong."""
    observed = Observed(story)
    age(list(pki.AUTHORITIES), days_left)
    with faults.timed(observed):
        faults.repair()
        faults.wait_well(places)
    observed.tell()
    assert all(left(name) > dt.timedelta(days=3600) for name in pki.AUTHORITIES)
    # Who asks the API from inside a pod trusts the new authority: DNS learns of new Services, volumes are made.
    live.kubectl("delete", "pod", "griddb-server-0", "-n", "todo")
    faults.wait_well(places)
    guestbook = f"{urls['guestbook-frontend']}/guestbook.php?cmd=get&key=messages"
    live.wait_for(lambda: faults.answers(guestbook), 60, "names to be found")
    assert faults.answers(url)
    for namespace, pod in faults.readers():
        log = live.kubectl("logs", "-n", namespace, pod, "--since=10s").stdout
        assert "x509" not in log, log
