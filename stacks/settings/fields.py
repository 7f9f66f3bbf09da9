"""The value types that settings are made of; each refuses with a sentence that says what would be right."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from components.quantities import cpu_millis, memory_bytes

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_REGISTRY_HOST = re.compile(r"(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(?::[0-9]{1,5})?")

NAMESPACED_NAME_LIMIT = 40
"""Longest app, cluster or prefix name: derived object names append a part and must stay within Kubernetes' 63."""

PREFIX_LIMIT = 20
"""Longest namespace prefix."""


class Model(BaseModel):
    """Base of every settings model: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, serialize_by_alias=True)


def text(what: str, example: str) -> WithJsonSchema:
    """How the schema, and the reference of all settings made of it, tell of a text that a validator checks.

    Args:
        what: What it is, bounds included.
        example: One that is right.
    """
    return WithJsonSchema({"type": "string", "format": what, "examples": [example]})


def label(example: str) -> WithJsonSchema:
    """How the schema tells of a DNS label of which another example is better."""
    return text(f"DNS label, at most {NAMESPACED_NAME_LIMIT} characters", example)


def host(example: str) -> WithJsonSchema:
    """How the schema tells of a host name of which another example is better."""
    return text("host name with a dot", example)


def _no_bool(value: Any) -> Any:
    # pydantic turns true into 1; a person who writes `replicas: true` made a mistake.
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic reports only ValueError
    return value


def _dns_label(value: str) -> str:
    if not _DNS_LABEL.fullmatch(value) or len(value) > NAMESPACED_NAME_LIMIT:
        raise ValueError(
            f"must be a DNS label: lower-case letters, digits and '-', starting and ending with a letter or digit, "
            f"at most {NAMESPACED_NAME_LIMIT} characters"
        )
    return value


def _prefix(value: str) -> str:
    if value and (not _DNS_LABEL.fullmatch(value) or len(value) > PREFIX_LIMIT):
        raise ValueError(
            f"must be empty or a DNS label: lower-case letters, digits and '-', starting and ending with a letter or "
            f"digit, at most {PREFIX_LIMIT} characters"
        )
    return value


def _ip(value: str) -> str | None:
    """An IP address as it is usually written; None for anything else."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def _is_dns_name(value: str) -> bool:
    # No top-level domain is a number, and programs take a name that ends in one for an IPv4 address.
    labels = value.split(".")
    well_formed = all(_DNS_LABEL.fullmatch(label) and len(label) <= 63 for label in labels)
    return len(value) <= 253 and well_formed and not labels[-1].isdecimal()


def _host_name(value: str) -> str:
    if _ip(value):
        raise ValueError("is an IP address, which has to have a name in DNS here, such as debug.example.com")
    if not _is_dns_name(value) or "." not in value:
        raise ValueError(
            "must be a host name such as debug.example.com: lower-case DNS labels joined by dots, the last no number"
        )
    return value


def _address(value: str) -> str:
    address = _ip(value) or (value if _is_dns_name(value) else None)
    if address is None:
        raise ValueError("must be an IP address or a host name, such as 192.168.1.10")
    return address


def _cpu(value: str) -> str:
    cpu_millis(value)
    return value


def _memory(value: str) -> str:
    size = memory_bytes(value)
    if not 2**20 <= size <= 2**50:
        raise ValueError("must be a size between 1Mi and 1024Ti, such as 100Mi")
    return value


def _image(value: str) -> str:
    name, _, digest = value.partition("@")
    head, slash, tail = name.rpartition("/")
    repository_end, colon, tag = tail.partition(":")
    repository = head + slash + repository_end
    host, slash, rest = repository.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        good_host, path = bool(_REGISTRY_HOST.fullmatch(host)), rest
    else:
        good_host, path = True, repository
    if not good_host or not _REPOSITORY.fullmatch(path):
        raise ValueError("must be an image reference with a name, such as docker.io/library/nginx:1.29.3")
    if not colon and not digest:
        raise ValueError("must carry a tag or a digest, such as docker.io/library/nginx:1.29.3")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError("has a bad tag: letters, digits, '.', '_' and '-', at most 128 characters")
    if tag == "latest" and not digest:
        raise ValueError("must name a fixed version, not latest")
    if ("@" in value) and not _DIGEST.fullmatch(digest):
        raise ValueError("has a bad digest: sha256: and 64 hexadecimal digits")
    return value


def _revision(value: str) -> str:
    if (
        not _TAG.fullmatch(value)
        or len(value) > 63
        or value == "latest"
        or not value[-1].isalnum()
        or value[0] in "._-"
    ):
        raise ValueError(
            "must be usable as image tag and label: letters, digits, '.', '_', '-', at most 63, not latest"
        )
    return value


def number_as_text(value: Any) -> Any:
    """A number as the text that it stands for; YAML makes numbers of `1` and `1.36`.

    Args:
        value: What the file says.

    Returns:
        Text for a number, anything else unchanged.

    Raises:
        ValueError: It is true or false.
    """
    if isinstance(value, bool):
        raise ValueError("must be text or a number, not true or false")  # noqa: TRY004 - pydantic reports only ValueError
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) else value


def _registry(value: str) -> str:
    host, _, path = value.partition("/")
    if not _REGISTRY_HOST.fullmatch(host) or (path and not _REPOSITORY.fullmatch(path)):
        raise ValueError(
            "must be a registry address such as localhost:5000 or asia-east1-docker.pkg.dev/project/repository"
        )
    return value


Count = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number that refuses true and false."""
NodePort = Annotated[Count, Field(ge=30000, le=32767, examples=[30090])]
"""A fixed port on every node."""
Label = Annotated[str, AfterValidator(_dns_label), label("platform")]
"""A DNS label of at most 40 characters."""
CloudName = Annotated[Label, label("tokyo")]
"""Name of an entry in `clouds`."""
ClusterName = Annotated[Label, label("local")]
"""Name of an entry in `clusters`."""
RegistryName = Annotated[Label, label("asia")]
"""Name of an entry in `registries`."""
Prefix = Annotated[
    str, AfterValidator(_prefix), text(f"empty or a DNS label, at most {PREFIX_LIMIT} characters", "try")
]
"""Nothing, or a DNS label of at most 20 characters."""
Address = Annotated[str, AfterValidator(_address), text("IP address or host name", "192.168.1.10")]
"""An IP address or a host name of one label or more."""
HostName = Annotated[str, AfterValidator(_host_name), host("debug.example.com")]
"""A fully qualified host name."""
Cpu = Annotated[str, BeforeValidator(number_as_text), AfterValidator(_cpu), text("CPU quantity", "250m")]
"""A Kubernetes CPU quantity."""
Memory = Annotated[str, BeforeValidator(number_as_text), AfterValidator(_memory), text("size, 1Mi to 1024Ti", "256Mi")]
"""A Kubernetes size quantity."""
ImageReference = Annotated[
    str, AfterValidator(_image), text("image with tag or digest, not latest", "registry.example.com/team/image:1.2.3")
]
"""A complete image reference with tag or digest."""
Revision = Annotated[
    str,
    BeforeValidator(number_as_text),
    AfterValidator(_revision),
    text("image tag and label, at most 63 characters, not latest", "2f9a0c1"),
]
"""A revision: the tag of an own image and the value of the `revision` label."""
RegistryAddress = Annotated[str, AfterValidator(_registry), text("registry address", "registry.example.com/slipway")]
"""Host (and optional path) in front of the name of an own image."""
