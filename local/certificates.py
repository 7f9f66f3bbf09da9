"""X.509 certificates: making them, and telling which are no good any more."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

_AUTHORITY_LIFE = dt.timedelta(days=3650)
LEAF_LIFE = dt.timedelta(days=365)
# Made anew when less than this is left.
_RENEW_BEFORE = dt.timedelta(days=30)

# A clock that was a little ahead must not make a certificate invalid.
BACKDATED = dt.timedelta(hours=1)

Usage = Literal["server", "client"]
Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


@dataclass(frozen=True)
class Leaf:
    """A certificate to have: file name, signing authority, subject, what it is for, names it serves."""

    name: str
    authority: str
    common_name: str
    usage: tuple[Usage, ...]
    organizations: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def is_unfit(made: x509.Certificate, now: dt.datetime) -> bool:
    """Whether it expires soon, or is not valid yet because the clock was ahead when it was made."""
    return made.not_valid_after_utc - now < _RENEW_BEFORE or made.not_valid_before_utc > now


def fits(made: x509.Certificate, leaf: Leaf, authority: x509.Certificate) -> bool:
    """Whether the certificate was signed by this very authority for this subject and these hosts."""
    try:
        made.verify_directly_issued_by(authority)
    except (ValueError, TypeError):
        return False
    except Exception:  # noqa: BLE001 - InvalidSignature, which lives in another package; any doubt means: make it anew
        return False
    return made.subject == _subject(leaf.common_name, leaf.organizations) and _hosts(made) == set(leaf.hosts)


def _hosts(made: x509.Certificate) -> set[str]:
    try:
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _subject(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, life: dt.timedelta,
    now: dt.datetime,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def make_authority(name: str, now: dt.datetime) -> Pair:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"slipway {name}")
    made = (
        _builder(subject, subject, private.public_key(), _AUTHORITY_LIFE, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(private, hashes.SHA256())
    )
    return made, private


def make_leaf(leaf: Leaf, authority: Pair, now: dt.datetime) -> Pair:
    private = ec.generate_private_key(ec.SECP256R1())
    usages = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    builder = (
        _builder(
            _subject(leaf.common_name, leaf.organizations), authority[0].subject, private.public_key(), LEAF_LIFE, now
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usages[usage] for usage in leaf.usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority[1].public_key()), critical=False)
    )
    if leaf.hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(list(map(_general_name, leaf.hosts))), critical=False
        )
    return builder.sign(authority[1], hashes.SHA256()), private


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
