"""The Go modules that pin and build the upstream programs.

Each directory below `local/tools/` is a module of its own (their dependencies would clash in one), pinned by go.mod and
go.sum.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local import paths
from local.errors import LocalError
from local.releases import RELEASES, are_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Module:
    """A Go module below `local/tools/` and the programs it builds.

    `pin` is the required module whose version is the tool's version (none for our own programs); `binaries` maps each
    program's name to its package; `stamp` gives the linker variables that carry the version; `files` are put beside
    the programs, each as (required module, path in it).
    """

    name: str
    binaries: Mapping[str, str]
    pin: str | None = None
    stamp: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()

    @property
    def directory(self) -> Path:
        return paths.module_dir(self.name)

    @property
    def version(self) -> str:
        """The pinned version as go.mod has it (`v1.36.3`), or `own`."""
        if self.pin is None:
            return "own"
        text = (self.directory / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require)?\s*{re.escape(self.pin)}\s+(v\S+)", text, re.MULTILINE)
        if found is None:
            raise LocalError(f"{self.directory / 'go.mod'} does not require {self.pin}, so its version is unknown")
        return found.group(1)

    @property
    def linker_flags(self) -> str:
        """Flags that drop debug data and stamp the version in."""
        version = self.version
        plain = version.removeprefix("v")
        major, minor = [*plain.split("."), "", ""][:2]
        values = {"version": version, "plain": plain, "major": major, "minor": minor}
        return " ".join(["-s", "-w", *(f"-X {variable.format(**values)}" for variable in self.stamp)])

    @property
    def home(self) -> Path:
        """Where this version's binaries lie in the cache; changes with every input of the build."""
        digest = hashlib.sha256()
        inputs = [p for p in self.directory.rglob("*") if p.suffix in {".go", ".mod", ".sum"}]
        files = [p for p in inputs if not p.name.endswith("_test.go")]
        for path in sorted(files):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(self.directory)}\0{len(content)}\0".encode())
            digest.update(content)
        digest.update(self.linker_flags.encode())
        if self.files:
            digest.update(repr(self.files).encode())
        if self.name in RELEASES and not are_wanted():
            # Not where a downloaded one may lie; so all that runs it is made anew from what is built.
            digest.update(b"built here")
        return paths.tools() / self.name / f"{self.version}-{digest.hexdigest()[:12]}"


def _kubernetes_stamp() -> tuple[str, ...]:
    # `kubectl version` and the API server's version negotiation parse these.
    return tuple(
        f"{package}.{variable}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for variable in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}", "gitTreeState=clean")
    )


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
_PULUMI = "github.com/pulumi/pulumi"

MODULES: tuple[Module, ...] = (
    Module(
        "kubernetes", {n: f"k8s.io/kubernetes/cmd/{n}" for n in _KUBERNETES}, "k8s.io/kubernetes", _kubernetes_stamp()
    ),
    Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "go.etcd.io/etcd/server/v3"),
    Module("loadbalancer", {"loadbalancer": "."}),
    Module("cri", {"cri": "."}),
    Module("coredns", {"coredns": "."}, "github.com/coredns/coredns"),
    Module(
        "metrics-server",
        {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
        "sigs.k8s.io/metrics-server",
        (
            "k8s.io/client-go/pkg/version.gitVersion={version}",
            "k8s.io/component-base/version.gitVersion={version}",
        ),
    ),
    Module(
        "local-path-provisioner",
        {"local-path-provisioner": "github.com/rancher/local-path-provisioner"},
        "github.com/rancher/local-path-provisioner",
        ("main.VERSION={version}",),
    ),
    Module("pause", {"pause": "."}),
    Module(
        "pulumi",
        {
            "pulumi": f"{_PULUMI}/pkg/v3/cmd/pulumi",
            "pulumi-resource-kubernetes": "./pulumi-resource-kubernetes",
        },
        f"{_PULUMI}/pkg/v3",
        (
            f"{_PULUMI}/sdk/v3/go/common/version.Version={{version}}",
            # The release that the pinned commit is; its number is nowhere in the module.
            f"{_PULUMI}-kubernetes/provider/v4/pkg/version.Version=4.25.0",
        ),
        (
            (f"{_PULUMI}-kubernetes/provider/v4", "cmd/pulumi-resource-kubernetes/schema.json"),
            (f"{_PULUMI}-kubernetes/provider/v4", "cmd/pulumi-resource-kubernetes/terraform-mapping.json"),
            # What the language host starts; its own, of its older release, knows less of the SDK.
            (f"{_PULUMI}/sdk/v3", "python/cmd/pulumi-language-python-exec"),
        ),
    ),
    Module(
        "pulumi-language-python",
        {"pulumi-language-python": f"{_PULUMI}/sdk/v3/python/cmd/pulumi-language-python"},
        f"{_PULUMI}/sdk/v3",
        (f"{_PULUMI}/sdk/v3/go/common/version.Version={{version}}",),
    ),
    Module(
        "kubeconform",
        {"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"},
        "github.com/yannh/kubeconform",
        ("main.version={version}",),
    ),
    Module(
        "kube-score",
        {"kube-score": "github.com/zegl/kube-score/cmd/kube-score"},
        "github.com/zegl/kube-score",
        ("main.version={plain}",),
    ),
    Module(
        "actionlint",
        {"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"},
        "github.com/rhysd/actionlint",
        ("github.com/rhysd/actionlint.version={version}",),
    ),
    Module(
        "crane",
        {"crane": "github.com/google/go-containerregistry/cmd/crane"},
        "github.com/google/go-containerregistry",
        ("github.com/google/go-containerregistry/cmd/crane/cmd.Version={version}",),
    ),
    Module("kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}, "sigs.k8s.io/kwok"),
    Module(
        "traefik",
        {"traefik": "github.com/traefik/traefik/v3/cmd/traefik"},
        "github.com/traefik/traefik/v3",
        ("github.com/traefik/traefik/v3/pkg/version.Version={plain}",),
    ),
)
