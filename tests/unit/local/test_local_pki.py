"""Keys and certificates: complete, private, valid, renewed in time."""

from __future__ import annotations

import base64
import datetime as dt
import ssl
import stat
import subprocess
from typing import TYPE_CHECKING

from cryptography import x509
from typer.testing import CliRunner

from local import paths, pki, preflight, settings
from local.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def load(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pki.certificate(directory, name).read_bytes())


def test_everything_is_made_once_and_is_private(tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    made = pki.ensure(directory)
    assert set(made) == {*pki.AUTHORITIES, *(leaf.name for leaf in pki.LEAVES), "service-account"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    content = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert pki.ensure(directory) == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == content


def test_openssl_accepts_every_chain(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    for leaf in pki.LEAVES:
        for usage in leaf.usage:
            purpose = {"server": "sslserver", "client": "sslclient"}[usage]
            authority = pki.certificate(tmp_path, leaf.authority)
            command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", str(authority)]
            result = subprocess.run(
                [*command, str(pki.certificate(tmp_path, leaf.name))], capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, f"{leaf.name}: {result.stdout}{result.stderr}"


def test_the_api_server_serves_every_name_it_is_called_by(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    names = load(tmp_path, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"kubernetes.default.svc", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert {settings.NODE_ADDRESS, settings.API_SERVICE_ADDRESS, "127.0.0.1"} <= addresses


def test_what_expires_soon_is_renewed_and_authorities_stay(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    authority = load(tmp_path, "ca")
    in_eleven_months = dt.datetime.now(dt.UTC) + dt.timedelta(days=340)
    made = pki.ensure(tmp_path, now=in_eleven_months)
    assert set(made) == {leaf.name for leaf in pki.LEAVES}
    assert load(tmp_path, "ca") == authority
    for leaf in pki.LEAVES:
        assert load(tmp_path, leaf.name).not_valid_after_utc > in_eleven_months + dt.timedelta(days=300)


def test_what_a_clock_that_was_ahead_made_is_made_again(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    everything = pki.ensure(tmp_path, now=now + dt.timedelta(days=1))
    made = pki.ensure(tmp_path, now=now)
    assert {*made, "service-account"} == set(everything)
    for name in (*pki.AUTHORITIES, *(leaf.name for leaf in pki.LEAVES)):
        assert load(tmp_path, name).not_valid_before_utc < now
    # A clock that was a few minutes ahead does no harm.
    assert pki.ensure(tmp_path, now=now - dt.timedelta(minutes=50)) == []


def test_a_new_authority_signs_its_leaves_anew(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    pki.certificate(tmp_path, "etcd-ca").unlink()
    assert pki.ensure(tmp_path) == ["etcd-ca", "etcd-server", "etcd-client"]


def test_a_broken_or_swapped_key_is_replaced(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    pki.key(tmp_path, "admin").write_text("nonsense", encoding="ascii")
    pki.key(tmp_path, "proxy").write_bytes(pki.key(tmp_path, "scheduler").read_bytes())
    assert pki.ensure(tmp_path) == ["proxy", "admin"]


def test_the_encryption_key_has_32_random_bytes_and_stays(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "one")
    pki.ensure(tmp_path / "two")
    first = pki.encryption_key(tmp_path / "one")
    assert len(base64.b64decode(first)) == 32
    assert first != pki.encryption_key(tmp_path / "two")
    pki.ensure(tmp_path / "one")
    assert pki.encryption_key(tmp_path / "one") == first


def test_private_files_are_written_whole_and_only_on_change(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert pki.write_private(path, "one")
    assert not pki.write_private(path, b"one")
    assert pki.write_private(path, "two")
    assert path.read_text(encoding="ascii") == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


HOSTS = ("debug.example.com", "http-debug-server.localhost")


def test_what_is_issued_for_apps_is_signed_by_an_authority_of_its_own_and_written_nowhere(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki")
    files = sorted((tmp_path / "pki").iterdir())
    issued = pki.issue(tmp_path / "pki", HOSTS)
    assert issued is not None
    assert sorted((tmp_path / "pki").iterdir()) == files
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(issued.bundle, encoding="ascii")
    for host in HOSTS:
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", host, "-CAfile"]
        for authority, expected in ((pki.INGRESS_AUTHORITY, 0), ("ca", 2)):
            path = pki.certificate(tmp_path / "pki", authority)
            done = subprocess.run([*command, str(path), str(bundle)], capture_output=True, text=True, check=False)
            assert done.returncode == expected, f"{host}: {done.stdout}{done.stderr}"
    # A server takes both parts from it.
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(bundle)


def test_what_is_issued_stays_until_its_hosts_authority_or_half_of_its_life_are_gone(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def identity(hosts: tuple[str, ...], days: float = 0) -> str:
        issued = pki.issue(tmp_path, hosts, begin + dt.timedelta(days=days))
        assert issued is not None
        left = x509.load_pem_x509_certificate(issued.bundle.encode()).not_valid_after_utc - begin
        assert left == dt.timedelta(days=365 + days)
        return issued.identity

    first = identity(HOSTS)
    assert identity(HOSTS[::-1], 1) == first
    assert identity((*HOSTS, "www.example.com")) != first
    changes = {identity(HOSTS, days) for days in range(0, 366, 5)}
    # Whoever keeps one until it changes has half a year left at least.
    assert 2 <= len(changes) <= 3
    pki.certificate(tmp_path, pki.INGRESS_AUTHORITY).unlink()
    assert pki.issue(tmp_path, HOSTS) is None
    pki.ensure(tmp_path)
    assert identity(HOSTS) != first


def test_people_get_the_authority_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "PKI", tmp_path)
    monkeypatch.setattr(preflight, "check_root", lambda: None)
    missing = CliRunner().invoke(app, ["ca"])
    assert (missing.exit_code, "slipway local up" in missing.output) == (1, True)
    pki.ensure(tmp_path)
    told = CliRunner().invoke(app, ["ca"])
    assert told.output == pki.certificate(tmp_path, pki.INGRESS_AUTHORITY).read_text(encoding="ascii")
    assert "PRIVATE" not in told.output
