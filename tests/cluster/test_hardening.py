"""The embedded cluster against the points of the CIS Kubernetes Benchmark that apply to it, by asking it.

Numbers are those of its version 1.11 (https://www.cisecurity.org/benchmark/kubernetes). What does not apply: there are
no static pod manifests and no kubeadm (1.1.1 to 1.1.8), and etcd, which is one process, has no peers to trust.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.versions import IMAGES
from local import configuration, paths, pki, processes, record, settings
from local.addons import HELPER_IMAGE
from local.images.push import ensure
from local.progress import SilentProgress
from tests.support import live
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

NODE = settings.NODE_ADDRESS
API = (NODE, settings.API_PORT)
KUBELET = (NODE, 10250)
SECURE = {
    "kube-apiserver": API,
    "kubelet": KUBELET,
    "kube-controller-manager": ("127.0.0.1", 10257),
    "kube-scheduler": ("127.0.0.1", 10259),
}


def flags(component: str) -> dict[str, str]:
    """The flags that a running component was started with."""
    process = processes.main_process(component)
    assert process is not None, component
    words = Path(f"/proc/{process.pid}/cmdline").read_text().split("\0")
    pairs = [word.lstrip("-").partition("=") for word in words if word.startswith("--")]
    return {name: value or "true" for name, _, value in pairs}


@pytest.mark.parametrize(
    ("component", "name", "value"),
    [
        ("kube-apiserver", "authorization-mode", "Node,RBAC"),  # 1.2.6 to 1.2.8
        ("kube-apiserver", "enable-admission-plugins", "NodeRestriction"),  # 1.2.15
        ("kube-apiserver", "profiling", "false"),  # 1.2.16
        ("kube-apiserver", "audit-log-maxage", "30"),  # 1.2.18
        ("kube-apiserver", "audit-log-maxbackup", "10"),  # 1.2.19
        ("kube-apiserver", "tls-min-version", "VersionTLS12"),
        ("kube-apiserver", "service-account-extend-token-expiration", "false"),  # 1.2.30
        ("kube-controller-manager", "terminated-pod-gc-threshold", "100"),  # 1.3.1
        ("kube-controller-manager", "profiling", "false"),  # 1.3.2
        ("kube-controller-manager", "use-service-account-credentials", "true"),  # 1.3.3
        ("kube-controller-manager", "bind-address", "127.0.0.1"),  # 1.3.7
        ("kube-scheduler", "profiling", "false"),  # 1.4.1
        ("kube-scheduler", "bind-address", "127.0.0.1"),  # 1.4.2
        ("etcd", "client-cert-auth", "true"),  # 2.2
        ("etcd", "peer-client-cert-auth", "true"),  # 2.5
    ],
)
def test_components_run_with_the_flags_of_the_benchmark(component: str, name: str, value: str) -> None:
    assert flags(component).get(name) == value


@pytest.mark.parametrize(
    ("component", "names"),
    [
        ("kube-apiserver", ("token-auth-file", "basic-auth-file", "insecure-port")),  # 1.2.2
        ("etcd", ("auto-tls", "peer-auto-tls", "enable-pprof")),  # 2.3, 2.6
    ],
)
def test_and_without_those_that_it_warns_of(component: str, names: tuple[str, ...]) -> None:
    assert set(names) & flags(component).keys() == set()


def test_the_kubelet_is_configured_as_the_benchmark_asks() -> None:
    """4.2.1 to 4.2.13, from the configuration that the running kubelet itself reports."""
    text = live.kubectl("get", "--raw", f"/api/v1/nodes/{settings.NODE}/proxy/configz").stdout
    found: dict[str, Any] = json.loads(text)["kubeletconfig"]
    assert found["authentication"]["anonymous"]["enabled"] is False
    assert found["authentication"]["webhook"]["enabled"] is True
    assert found["authentication"]["x509"]["clientCAFile"] == str(pki.certificate(paths.PKI, "ca"))
    assert found["authorization"]["mode"] == "Webhook"
    assert found.get("readOnlyPort", 0) == 0
    assert found["streamingConnectionIdleTimeout"] != "0s"
    assert found["makeIPTablesUtilChains"] is True
    assert found["tlsCipherSuites"] == list(configuration.CIPHERS)
    assert found["tlsMinVersion"] == "VersionTLS12"
    assert found["enableProfilingHandler"] is False
    assert found["seccompDefault"] is True
    assert found["podPidsLimit"] == 4096


def test_keys_and_configuration_are_for_root_alone() -> None:
    """1.1.9 to 1.1.21, 4.1: files 0600 and directories 0700, or inside one; all of them root's."""
    for top in (paths.STATE, paths.RUN, paths.PKI, paths.CONFIG, paths.STATE / "etcd"):
        assert stat.S_IMODE(top.stat().st_mode) == 0o700, top
    files = [file for top in (paths.PKI, paths.CONFIG) for file in top.rglob("*") if file.is_file()]
    files += [paths.KUBECONFIG, record.FILE, *(file for file in paths.LOG.iterdir() if file.is_file())]
    assert len(files) > 40
    wrong = [
        str(f) for f in files if stat.S_IMODE(f.stat().st_mode) != 0o600 or (f.stat().st_uid, f.stat().st_gid) != (0, 0)
    ]
    assert wrong == []
    personal = Path.home() / ".kube" / "config"
    assert not personal.exists() or stat.S_IMODE(personal.stat().st_mode) == 0o600


def tls(*, client: str | None = None, ciphers: str | None = None) -> ssl.SSLContext:
    """A client that trusts the cluster's authorities."""
    context = ssl.create_default_context(cafile=str(pki.certificate(paths.PKI, "ca")))
    context.load_verify_locations(str(pki.certificate(paths.PKI, "etcd-ca")))
    if client:
        context.load_cert_chain(pki.certificate(paths.PKI, client), pki.key(paths.PKI, client))
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    return context


def ask(address: tuple[str, int], path: str, context: ssl.SSLContext) -> int:
    """Status of a GET."""
    connection = http.client.HTTPSConnection(*address, context=context, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_nobody_is_let_in_without_credentials() -> None:
    """1.2.1, 4.2.1: the API server says without them only that it lives."""
    assert {ask(API, path, tls()) for path in ("/livez", "/readyz", "/healthz")} == {200}
    assert {ask(API, path, tls()) for path in ("/", "/api", "/version", "/metrics", "/api/v1/secrets")} == {401}
    assert {ask(KUBELET, path, tls()) for path in ("/pods", "/metrics", "/configz", "/healthz")} == {401}
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert ask(SECURE[name], "/metrics", tls()) in (401, 403)
    assert ask(API, "/api", tls(client="admin")) == 200


def test_etcd_wants_the_api_servers_certificate() -> None:
    """2.1, 2.2, 2.7: a certificate of the cluster's own authority is none of etcd's."""
    address = ("127.0.0.1", 2379)
    assert ask(address, "/version", tls(client="etcd-client")) == 200
    for context in (tls(), tls(client="admin")):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(address, "/version", context)


@pytest.mark.parametrize("component", SECURE)
def test_only_strong_ciphers_are_spoken(component: str) -> None:
    """1.2.29, 4.2.12."""
    for good in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
        ask(SECURE[component], "/healthz", tls(ciphers=good))
    with pytest.raises(ssl.SSLError):
        ask(SECURE[component], "/healthz", tls(ciphers="ECDHE-ECDSA-AES128-SHA"))


def test_a_node_may_not_read_what_is_none_of_its_business() -> None:
    """1.2.7, 1.2.15: Node authorizer and NodeRestriction, with the kubelet's own credentials."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        # The last word on it counts.
        return live.kubectl(*arguments, f"--kubeconfig={configuration.path('kubelet.kubeconfig')}", check=False)

    assert run("get", "node", settings.NODE).returncode == 0
    assert "forbidden" in run("get", "secrets", "-A").stderr.lower()
    label = ["label", "node", settings.NODE, "node-restriction.kubernetes.io/x=y", "--dry-run=server"]
    assert "forbidden" in run(*label).stderr.lower()


def keep(namespace: str, kind: str, name: str, text: str) -> None:
    key = "stringData" if kind == "Secret" else "data"
    live.apply(
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, key: {"text": text}}
    )


def test_secrets_are_encrypted_in_etcds_files(namespace: str) -> None:
    """1.2.27, 1.2.28; a ConfigMap, which is not encrypted, shows that looking there finds something."""
    hidden, shown = (f"{word}-{os.urandom(12).hex()}" for word in ("hidden", "shown"))
    keep(namespace, "Secret", "hidden", hidden)
    keep(namespace, "ConfigMap", "shown", shown)
    content = b"".join(file.read_bytes() for file in (paths.STATE / "etcd").rglob("*") if file.is_file())
    assert shown.encode() in content
    assert hidden.encode() not in content
    assert live.get("secret", "hidden", "-n", namespace)
    config = yaml.safe_load(configuration.path("apiserver-encryption.yaml").read_text())
    assert next(iter(config["resources"][0]["providers"][0])) == "secretbox"


def test_who_changed_what_is_on_record_without_its_content(namespace: str) -> None:
    """1.2.17, 3.2.1."""
    marker = f"audit-{os.urandom(8).hex()}"
    keep(namespace, "Secret", marker, f"content-of-{marker}")

    def record() -> dict[str, Any] | None:
        lines = (paths.LOG / "audit.log").read_text(encoding="utf-8", errors="replace").splitlines()
        found = [json.loads(line) for line in lines if marker in line and '"resource":"secrets"' in line]
        return next((entry for entry in found if entry["verb"] in ("create", "patch")), None)

    entry = live.wait_for(record, 20, "the record")
    assert entry["level"] == "Metadata"
    assert entry["user"]["username"] == "slipway-admin"
    assert entry["objectRef"]["namespace"] == namespace
    assert "requestObject" not in entry
    assert f"content-of-{marker}" not in (paths.LOG / "audit.log").read_text(encoding="utf-8", errors="replace")


def test_pod_security_keeps_the_host_from_pods(namespace: str) -> None:
    """5.2: what would reach the host's files, network or processes is not admitted where stacks run."""
    pod = live.restricted_pod("one", namespace, HELPER_IMAGE)
    dry = ("apply", "--dry-run=server", "-f", "-")
    assert live.kubectl(*dry, document=pod).returncode == 0
    root = {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}
    for wrong in (root, {"hostNetwork": True}, {"hostPID": True}, {"hostIPC": True}):
        done = live.kubectl(*dry, document={**pod, "spec": {**pod["spec"], **wrong}}, check=False)
        assert "violates PodSecurity" in done.stderr, wrong


def test_the_clusters_processes_listen_on_loopback_and_their_bridge_alone() -> None:
    names = {process.pid: process.component for process in processes.find()}
    done = subprocess.run(["ss", "-H", "-lntup"], capture_output=True, text=True, check=True)
    found: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        address = line.split()[4].rpartition(":")[0].partition("%")[0].strip("[]")
        for pid in map(int, re.findall(r"\bpid=(\d+)", line)):
            if pid in names:
                found.setdefault(names[pid], set()).add(address)
    assert found.keys() >= {"etcd", "kube-apiserver", "kubelet", "registry", "kube-proxy"}
    assert {name: where for name, where in found.items() if where - {"127.0.0.1", "::1", NODE}} == {}


@pytest.fixture
def metadata() -> Iterator[str]:
    """The metadata address, answering on this machine, where no real one does."""
    address = "169.254.169.254"
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex((address, 80)) == 0:
            yield address
            return
    ip = ["ip", "address"]
    subprocess.run([*ip, "add", f"{address}/32", "dev", settings.BRIDGE], check=True)
    try:
        with serving(lambda _: (200, b"credentials"), 80, address):
            yield address
    finally:
        subprocess.run([*ip, "del", f"{address}/32", "dev", settings.BRIDGE], check=True)


PROBE = """
import json, os, ssl, sys, urllib.error, urllib.request

context = ssl._create_unverified_context()

def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return type(getattr(error, "reason", error)).__name__

said = {name: ask(url) for name, url in json.loads(sys.argv[1]).items()}
said["files"] = os.path.exists(sys.argv[2])
said["token"] = os.path.exists("/var/run/secrets/kubernetes.io")
print(json.dumps(said))
"""


def test_a_pod_reaches_neither_the_metadata_address_nor_the_kubelet_nor_hosts_files(
    namespace: str, metadata: str
) -> None:
    with socket.create_connection((metadata, 80), timeout=5):
        pass  # from the machine itself it can be reached
    image = IMAGES["http-debug-server"]  # it has Python
    ensure([image], f"localhost:{settings.REGISTRY_PORT}", SilentProgress())
    urls = {
        "metadata": f"http://{metadata}/",
        "kubelet": f"https://{NODE}:10250/pods",
        "api": f"https://{NODE}:{settings.API_PORT}/api",
        "alive": f"https://{NODE}:{settings.API_PORT}/livez",
    }
    command = ["python3", "-c", PROBE, json.dumps(urls), str(paths.STATE)]
    pod = live.restricted_pod("probe", namespace, image, command=command)
    pod["spec"]["restartPolicy"] = "Never"
    live.apply(pod)

    def ended() -> bool:
        (found,) = live.get("pod", "probe", "-n", namespace)
        return found["status"].get("phase") in ("Succeeded", "Failed")

    live.wait_for(ended, 120, "the probe")
    said = json.loads(live.kubectl("logs", "probe", "-n", namespace).stdout)
    # What pods may reach answers: the refusals are no matter of a broken network.
    assert said == {
        "metadata": "ConnectionRefusedError",
        "kubelet": 401,
        "api": 401,
        "alive": 200,
        "files": False,
        "token": False,
    }
