"""Images written without an engine, pushed to a registry of the test's own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from local import addons, oci
from local.errors import LocalError
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.support.web import Request


class Registry:
    """The part of the distribution API that a push uses, with digests checked."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads = 0
        self.full = False

    def answer(self, request: Request) -> tuple[int, bytes] | tuple[int, bytes, dict[str, str]]:
        match request.method:
            case "HEAD":
                return (200 if request.path.rpartition("/")[2] in self.blobs else 404), b""
            case "GET":
                found = self.manifests.get(request.path)
                return (200 if found else 404), found or b"{}"
            case "POST" if self.full:
                return 503, b"no space left on device"
            case "POST":
                return 202, b"", {"Location": f"{request.path}7?_state=x"}
            case _:
                self.keep(request)
                return 201, b""

    def keep(self, request: Request) -> None:
        if "/manifests/" in request.path:
            self.manifests[request.path] = request.body
            return
        query = parse_qs(urlsplit(request.path).query)
        (name,) = query["digest"]
        assert query["_state"] == ["x"]
        assert name == f"sha256:{hashlib.sha256(request.body).hexdigest()}"
        self.blobs[name] = request.body
        self.uploads += 1


@pytest.fixture(name="served")
def serve() -> Generator[tuple[Registry, str]]:
    registry = Registry()
    with serving(registry.answer) as port:
        yield registry, f"127.0.0.1:{port}"


def image(tmp_path: Path, content: str = "v1") -> oci.Image:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    files = {
        "/usr/bin/program": oci.File(program),
        "/bin/sh": oci.File(link="../usr/bin/program"),
        "/etc/note": oci.File(content=b"hello", mode=0o644),
    }
    return oci.Image(files, content, ("/usr/bin/program", "serve"))


def test_the_layer_holds_the_files_with_readable_directories(tmp_path: Path) -> None:
    content = oci.layer(image(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        entries = {member.name: member for member in archive.getmembers()}
        note = archive.extractfile("./etc/note")
        assert note is not None
        assert note.read() == b"hello"
    assert [name for name, entry in entries.items() if entry.isdir()] == [".", "./bin", "./etc", "./usr", "./usr/bin"]
    assert {entry.mode for entry in entries.values() if entry.isdir()} == {0o755}
    assert entries["./usr/bin/program"].mode == 0o755
    assert entries["./bin/sh"].linkname == "../usr/bin/program"
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries.values()} == {(0, 0, 0)}
    assert oci.layer(image(tmp_path)) == content


def test_the_documents_describe_the_layer_and_a_user_without_rights(tmp_path: Path) -> None:
    layer = oci.layer(image(tmp_path))
    config_bytes, manifest_bytes = oci.documents(image(tmp_path), layer)
    config, manifest = json.loads(config_bytes), json.loads(manifest_bytes)
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]] == [oci.digest(layer)]
    assert manifest["layers"][0]["size"] == len(layer)
    assert manifest["config"]["digest"] == oci.digest(config_bytes)
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["/usr/bin/program", "serve"]
    assert config["architecture"] == oci.architecture()


def test_a_push_is_complete_and_is_not_repeated(tmp_path: Path, served: tuple[Registry, str]) -> None:
    registry, address = served
    first = oci.push(image(tmp_path), address, "team/app", "v1")
    assert first.new
    stored = registry.manifests["/v2/team/app/manifests/v1"]
    assert first.digest == oci.digest(stored)
    manifest = json.loads(stored)
    for descriptor in (manifest["config"], *manifest["layers"]):
        assert len(registry.blobs[descriptor["digest"]]) == descriptor["size"]
    assert registry.uploads == 2
    assert oci.push(image(tmp_path), address, "team/app", "v1") == oci.Pushed(first.digest, new=False)
    assert registry.uploads == 2
    # Other content under the same tag is pushed; the layer that is there already is not sent again.
    assert oci.push(image(tmp_path, "v2"), address, "team/app", "v1").digest != first.digest
    assert registry.uploads == 3


def test_a_full_registry_and_an_absent_one_are_one_message(tmp_path: Path, served: tuple[Registry, str]) -> None:
    registry, address = served
    registry.full = True
    with pytest.raises(LocalError, match=r"answers 503 \(is the disk full\?\): no space left"):
        oci.push(image(tmp_path), address, "team/app", "v1")
    with pytest.raises(LocalError, match=r"local registry at 127\.0\.0\.1:1 does not take team/app:v1"):
        oci.push(image(tmp_path), "127.0.0.1:1", "team/app", "v1")


def test_add_ons_go_to_where_the_mirror_is_asked_for_them() -> None:
    nothing = oci.Image({}, "x")
    found = addons.Published("registry.k8s.io/coredns/coredns:v1.15.0", nothing)
    assert (found.repository, found.tag) == ("coredns/coredns", "v1.15.0")
    found = addons.Published("docker.io/rancher/local-path-provisioner:v0.0.30", nothing)
    assert found.repository == "rancher/local-path-provisioner"


def test_add_ons_are_pinned_by_digest() -> None:
    pinned = {reference: f"{reference}@sha256:{'0' * 64}" for reference in addons.references().values()}
    documents = addons.manifests(["192.0.2.53"], pinned)
    images = [
        container["image"]
        for document in documents
        if document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
    ]
    assert len(images) == len(addons.DEPLOYMENTS)
    assert all(image.endswith("0" * 64) for image in images)


def test_without_name_servers_dns_answers_for_the_cluster_alone() -> None:
    pinned = {reference: reference for reference in addons.references().values()}

    def corefile(nameservers: list[str]) -> str:
        documents = addons.manifests(nameservers, pinned)
        (found,) = [d for d in documents if (d["kind"], d["metadata"]["name"]) == ("ConfigMap", "coredns")]
        return found["data"]["Corefile"]

    assert "forward . /etc/resolv.conf" in corefile(["192.0.2.53"])
    assert "forward" not in corefile([])
