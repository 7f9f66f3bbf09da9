"""The cluster's keys and certificates: made once, renewed before they expire, readable by root alone.

Three authorities, as Kubernetes recommends: one for the cluster, one for etcd, one for the aggregation layer; and one
for the HTTPS of the apps.
"""

from __future__ import annotations

import base64
import datetime as dt
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local import certificates, settings
from local.certificates import Leaf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.certificates import Pair

# What the apps serve is replaced by the first `slipway up` of each such period, half its life before its end.
_ISSUED_ANEW = certificates.LEAF_LIFE / 2

INGRESS_AUTHORITY = "ingress-ca"
"""Signs what apps serve to people, and nothing else: who trusts it trusts no kubelet and no user."""
AUTHORITIES = ("ca", "etcd-ca", "front-proxy-ca", INGRESS_AUTHORITY)

LEAVES: tuple[Leaf, ...] = (
    Leaf("etcd-server", "etcd-ca", "etcd", ("server", "client"), hosts=("localhost", "127.0.0.1")),
    Leaf("etcd-client", "etcd-ca", "kube-apiserver", ("client",)),
    Leaf(
        "apiserver",
        "ca",
        "kube-apiserver",
        ("server",),
        hosts=(
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            f"kubernetes.default.svc.{settings.DOMAIN}",
            "localhost",
            "127.0.0.1",
            settings.NODE_ADDRESS,
            settings.API_SERVICE_ADDRESS,
        ),
    ),
    # The user that the API server's calls to the kubelet come from; add-ons bind it to system:kubelet-api-admin.
    Leaf("apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", ("client",)),
    Leaf("front-proxy-client", "front-proxy-ca", "front-proxy-client", ("client",)),
    Leaf("controller-manager-server", "ca", "kube-controller-manager", ("server",), hosts=("localhost", "127.0.0.1")),
    Leaf("scheduler-server", "ca", "kube-scheduler", ("server",), hosts=("localhost", "127.0.0.1")),
    Leaf("kubelet-server", "ca", f"system:node:{settings.NODE}", ("server",), ("system:nodes",),
         (settings.NODE, "localhost", "127.0.0.1", settings.NODE_ADDRESS)),
    Leaf("kubelet", "ca", f"system:node:{settings.NODE}", ("client",), ("system:nodes",)),
    Leaf("controller-manager", "ca", "system:kube-controller-manager", ("client",)),
    Leaf("scheduler", "ca", "system:kube-scheduler", ("client",)),
    Leaf("proxy", "ca", "system:kube-proxy", ("client",)),
    Leaf("loadbalancer", "ca", "slipway:loadbalancer", ("client",)),
    Leaf("admin", "ca", "slipway-admin", ("client",), ("system:masters",)),
)  # fmt: skip


def certificate(directory: Path, name: str) -> Path:
    """The PEM file of the certificate `name`."""
    return directory / f"{name}.crt"


def key(directory: Path, name: str) -> Path:
    """The PEM file of the private key `name`."""
    return directory / f"{name}.key"


def pair(directory: Path, name: str) -> tuple[Path, Path]:
    """The PEM files of the certificate `name` and of its private key."""
    return certificate(directory, name), key(directory, name)


def ensure(directory: Path, now: dt.datetime | None = None) -> list[str]:
    """Make what is missing in `directory`, and anew what expires soon, is not valid yet, or whose authority changed.

    Args:
        directory: where the files lie; made with mode 0700, every file in it 0600.
        now: the time to judge expiry by (UTC), the clock's by default.

    Returns:
        the names of the certificates made, in order; empty when all was well.
    """
    now = now or dt.datetime.now(dt.UTC)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    made: list[str] = []
    authorities: dict[str, Pair] = {}
    for name in AUTHORITIES:
        found = _load(directory, name)
        if found is None or certificates.is_unfit(found[0], now):
            found = certificates.make_authority(name, now)
            _store(directory, name, *found)
            made.append(name)
        authorities[name] = found
    for leaf in LEAVES:
        found = _load(directory, leaf.name)
        authority = authorities[leaf.authority]
        if found is None or certificates.is_unfit(found[0], now) or not certificates.fits(found[0], leaf, authority[0]):
            _store(directory, leaf.name, *certificates.make_leaf(leaf, authority, now))
            made.append(leaf.name)
    if not key(directory, "service-account").is_file():
        _make_service_account_key(directory)
        made.append("service-account")
    _encryption_key(directory)
    return made


@dataclass(frozen=True)
class Issued:
    """A certificate for hosts of apps.

    Attributes:
        bundle: The certificate and its private key, PEM.
        identity: What a certificate that is kept has to be of: another one means that it is to be replaced.
    """

    bundle: str
    identity: str


def issue(directory: Path, hosts: Sequence[str], now: dt.datetime | None = None) -> Issued | None:
    """Issue a certificate for hosts of apps; it is written nowhere, and each call makes another one.

    Args:
        directory: where the files lie.
        hosts: DNS names that it serves.
        now: the time of issue (UTC), the clock's by default.

    Returns:
        the certificate; None when the authority is not there or not readable.
    """
    now = now or dt.datetime.now(dt.UTC)
    authority = _load(directory, INGRESS_AUTHORITY)
    if authority is None:
        return None
    names = tuple(sorted(set(hosts)))
    # The common name is for people, and has at most 64 characters; programs go by the hosts.
    made, private = certificates.make_leaf(
        Leaf("", INGRESS_AUTHORITY, "slipway ingress", ("server",), hosts=names), authority, now
    )
    fingerprint = authority[0].fingerprint(hashes.SHA256()).hex()
    period = (now - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // _ISSUED_ANEW
    bundle = made.public_bytes(serialization.Encoding.PEM) + certificates.pem(private)
    return Issued(bundle.decode("ascii"), f"{fingerprint} {period} {' '.join(names)}")


def made_at(directory: Path, name: str) -> dt.datetime:
    """When the stored certificate `name` was made (UTC), to the second."""
    found = x509.load_pem_x509_certificate(certificate(directory, name).read_bytes())
    return found.not_valid_before_utc + certificates.BACKDATED


def encryption_key(directory: Path) -> str:
    """The key (32 bytes, base64) that Secrets are encrypted with in etcd; made by `ensure`."""
    return (directory / "encryption.key").read_text(encoding="ascii").strip()


def write_private(path: Path, content: bytes | str) -> bool:
    """Write `content` to `path` with mode 0600, whole or not at all; leaves an equal file alone.

    Returns:
        whether the file changed.
    """
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        path.chmod(0o600)
        return False
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    scratch.replace(path)
    return True


def _encryption_key(directory: Path) -> None:
    path = directory / "encryption.key"
    if not path.is_file():
        write_private(path, base64.b64encode(secrets.token_bytes(32)))


def _make_service_account_key(directory: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_private(directory / "service-account.pub", public)
    write_private(key(directory, "service-account"), certificates.pem(private))


def _load(directory: Path, name: str) -> Pair | None:
    """The stored pair, or None when it is missing, broken, or the two do not belong together."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate(directory, name).read_bytes())
        private = serialization.load_pem_private_key(key(directory, name).read_bytes(), None)
    except (OSError, ValueError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or loaded.public_key() != private.public_key():
        return None
    return loaded, private


def _store(directory: Path, name: str, made: x509.Certificate, private: ec.EllipticCurvePrivateKey) -> None:
    write_private(key(directory, name), certificates.pem(private))
    write_private(certificate(directory, name), made.public_bytes(serialization.Encoding.PEM))
