"""What runs inside the cluster from the start: DNS, metrics, volumes; and the images of these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from local import configuration, oci, runtime, settings, toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.api import Api
    from local.debian import Packages

_DIRECTORY = Path(__file__).parent / "addons"
DEPLOYMENTS: tuple[str, ...] = ("coredns", "metrics-server", "local-path-provisioner")
TOOLS: tuple[str, ...] = ("pause", "coredns", "metrics-server", "local-path-provisioner")
HELPER_IMAGE = "slipway.dev/busybox:1"
_HELPER_PROGRAMS = ("sh", "mkdir", "rm", "chmod", "chown", "cat", "ls", "sleep", "id")


@dataclass(frozen=True)
class Published:
    """An add-on's image and the name that manifests use for it."""

    reference: str
    image: oci.Image

    @property
    def repository(self) -> str:
        """The path that a registry mirror is asked for: the name without its host."""
        return self.reference.partition("/")[2].rpartition(":")[0]

    @property
    def tag(self) -> str:
        return self.reference.rpartition(":")[2]


def references() -> dict[str, str]:
    """The image reference of each add-on: upstream programs under their public names, our own under ours."""
    versions = {name: toolchain.version(name) for name in TOOLS}
    return {
        "pause": runtime.pause_image(),
        "coredns": f"registry.k8s.io/coredns/coredns:{versions['coredns']}",
        "metrics-server": f"registry.k8s.io/metrics-server/metrics-server:{versions['metrics-server']}",
        "local-path-provisioner": f"docker.io/rancher/local-path-provisioner:{versions['local-path-provisioner']}",
        "busybox": HELPER_IMAGE,
    }


def images(tools: Mapping[str, Path], packages: Packages) -> list[Published]:
    """The images to publish, made from built programs.

    Args:
        tools: the paths of the programs in TOOLS.
        packages: where Debian's static busybox lies.
    """
    names = references()
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    trust = {"/etc/ssl/certs/ca-certificates.crt": oci.File(certificates, mode=0o644)} if certificates.is_file() else {}
    published = [
        Published(
            names[name],
            oci.Image(
                files={f"/{name}": oci.File(tools[name]), **(trust if name == "coredns" else {})},
                # A built program's path holds the hash of all that it was built from.
                content=f"{tools[name].parent.name}-2",
                entrypoint=(f"/{name}",),
            ),
        )
        for name in TOOLS
    ]
    busybox = packages.root / "bin" / "busybox"
    if not busybox.is_file():
        busybox = packages.root / "usr" / "bin" / "busybox"
    files = {
        "/bin/busybox": oci.File(busybox),
        **{f"/bin/{name}": oci.File(link="busybox") for name in _HELPER_PROGRAMS},
    }
    helper = oci.Image(files=files, content=f"{packages.root.name}-4", user="0:0", entrypoint=("/bin/sh",))
    return [*published, Published(HELPER_IMAGE, helper)]


def publish(published: list[Published]) -> dict[str, str]:
    """Push what the local registry lacks.

    Returns:
        each image's reference with its digest, by the reference without. Pods use those: an image built anew under the
        same tag (a newer Go, say) is then another image, which the node fetches.
    """

    def push(item: Published) -> tuple[str, str]:
        pushed = oci.push(item.image, settings.REGISTRY, item.repository, item.tag)
        return item.reference, f"{item.reference}@{pushed.digest}"

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(pool.map(push, published))


def manifests(nameservers: list[str], pinned: Mapping[str, str]) -> list[dict[str, Any]]:
    """The objects to apply, in order.

    Args:
        pinned: references with digests, as `publish` returns them.
        nameservers: where CoreDNS asks for names outside the cluster; with none it answers for the cluster alone.
    """
    names = references()
    values = {
        "domain": settings.DOMAIN,
        "dns_address": settings.DNS_ADDRESS,
        "forward": "forward . /etc/resolv.conf" if nameservers else "",
        "volumes": str(configuration.VOLUMES),
        "helper_image": pinned[HELPER_IMAGE],
    }
    found: list[dict[str, Any]] = []
    for file, image in (("access", ""), ("coredns", "coredns"), ("local-path", "local-path-provisioner"),
                        ("metrics-server", "metrics-server")):  # fmt: skip
        template = Template((_DIRECTORY / f"{file}.yaml").read_text(encoding="utf-8"))
        text = template.substitute(values, image=pinned[names[image]] if image else "")
        found.extend(document for document in yaml.safe_load_all(text) if document)
    return found


def apply(api: Api, nameservers: list[str], pinned: Mapping[str, str]) -> None:
    """Apply all objects; those that are right already stay as they are."""
    for document in manifests(nameservers, pinned):
        api.apply(document)
