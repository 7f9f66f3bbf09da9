"""The cluster's components: each one's command, settings and health check."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from local import configuration, paths, pki, probe, settings
from local.processes import Component
from local.supervisor import succeeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from local.debian import Packages

# The order in which they are stopped: what starts others first, what others need last.
STOP_ORDER = (
    ("kubelet",),
    ("kube-proxy", "loadbalancer", "kube-scheduler", "kube-controller-manager"),
    ("kube-apiserver",),
    ("etcd", "containerd", "registry"),
)
NAMES = tuple(name for group in STOP_ORDER for name in group)

# Ports that must be free, with who wants them: (address, port, component).
PORTS = (
    ("127.0.0.1", 2379, "etcd"),
    ("127.0.0.1", 2380, "etcd"),
    ("127.0.0.1", 2381, "etcd"),
    (settings.NODE_ADDRESS, settings.API_PORT, "kube-apiserver"),
    ("127.0.0.1", 10257, "kube-controller-manager"),
    ("127.0.0.1", 10259, "kube-scheduler"),
    (settings.NODE_ADDRESS, 10250, "kubelet"),
    ("127.0.0.1", 10248, "kubelet"),
    ("127.0.0.1", 10249, "kube-proxy"),
    ("127.0.0.1", 10256, "kube-proxy"),
    ("127.0.0.1", 10270, "loadbalancer"),
    ("127.0.0.1", settings.REGISTRY_PORT, "registry"),
)

CIPHERS = ",".join(configuration.CIPHERS)

TOOLS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
    "etcd",
    "cri",
    "loadbalancer",
)


def build(tools: Mapping[str, Path], packages: Packages) -> dict[str, Component]:
    """All components by name; the certificates and configuration files they name must exist already."""
    plain = {"PATH": packages.search_path}
    runtime = {**packages.environment(), **_proxy_variables()}
    return {
        component.name: component
        for component in (
            _registry(packages),
            _containerd(packages, tools["cri"], runtime),
            _etcd(tools["etcd"], plain),
            _apiserver(tools["kube-apiserver"], plain),
            _controller_manager(tools["kube-controller-manager"], plain),
            _scheduler(tools["kube-scheduler"], plain),
            _kubelet(tools["kubelet"], packages.environment()),
            _kube_proxy(tools["kube-proxy"], packages.environment()),
            _loadbalancer(tools["loadbalancer"], plain),
        )
    }


def _proxy_variables() -> dict[str, str]:
    """The machine's proxy settings, for pulling images; our own ranges never go through it."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    existing = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    return {**found, "NO_PROXY": ",".join(filter(None, (existing, settings.NO_PROXY)))}


def _cert(name: str) -> Path:
    return pki.certificate(paths.PKI, name)


def _key(name: str) -> Path:
    return pki.key(paths.PKI, name)


def _pair(name: str) -> tuple[Path, Path]:
    return _cert(name), _key(name)


def _http(url: str) -> Callable[[], str | None]:
    return lambda: probe.http_ok(url)


def _https(url: str, client: str | None = None) -> Callable[[], str | None]:
    return lambda: probe.http_ok(url, probe.tls(paths.PKI, client=client))


def _registry(packages: Packages) -> Component:
    config = configuration.path("registry.yaml")
    return Component(
        name="registry",
        command=(str(packages.program("docker-registry")), "serve", str(config)),
        healthy=_http(f"http://{settings.REGISTRY}/v2/"),
        environment={"PATH": packages.search_path, "OTEL_TRACES_EXPORTER": "none"},
        files=(config,),
    )


def _containerd(packages: Packages, cri: Path, environment: Mapping[str, str]) -> Component:
    config = configuration.path("containerd.toml")
    return Component(
        name="containerd",
        command=(str(packages.program("containerd")), "--config", str(config), "--log-level", "warn"),
        healthy=lambda: succeeds([str(cri), "-socket", str(configuration.SOCKET), "-timeout", "4s", "version"], {}),
        environment=environment,
        files=(config,),
    )


def _etcd(program: Path, environment: Mapping[str, str]) -> Component:
    certificate, key = _pair("etcd-server")
    authority = _cert("etcd-ca")
    return Component(
        name="etcd",
        command=(
            str(program),
            "--name=slipway",
            f"--data-dir={paths.STATE / 'etcd'}",
            "--listen-client-urls=https://127.0.0.1:2379",
            "--advertise-client-urls=https://127.0.0.1:2379",
            "--listen-peer-urls=https://127.0.0.1:2380",
            "--initial-advertise-peer-urls=https://127.0.0.1:2380",
            "--initial-cluster=slipway=https://127.0.0.1:2380",
            "--listen-metrics-urls=http://127.0.0.1:2381",
            f"--cert-file={certificate}",
            f"--key-file={key}",
            f"--trusted-ca-file={authority}",
            "--client-cert-auth",
            f"--peer-cert-file={certificate}",
            f"--peer-key-file={key}",
            f"--peer-trusted-ca-file={authority}",
            "--peer-client-cert-auth",
            f"--cipher-suites={CIPHERS}",
            "--log-level=warn",
        ),
        healthy=_http("http://127.0.0.1:2381/readyz"),
        environment=environment,
        files=(certificate, key, authority),
    )


def _apiserver(program: Path, environment: Mapping[str, str]) -> Component:
    serving, etcd, kubelet, front = map(
        _pair, ("apiserver", "etcd-client", "apiserver-kubelet-client", "front-proxy-client")
    )
    authority, service_account = _cert("ca"), paths.PKI / "service-account.pub"
    front_authority, etcd_authority = _cert("front-proxy-ca"), _cert("etcd-ca")
    configs = {
        "--authentication-config": configuration.path("apiserver-authentication.yaml"),
        "--encryption-provider-config": configuration.path("apiserver-encryption.yaml"),
        "--audit-policy-file": configuration.path("apiserver-audit.yaml"),
    }
    return Component(
        name="kube-apiserver",
        command=(
            str(program),
            # The bridge's address is the one that pods reach; nothing listens on the machine's outside addresses.
            f"--bind-address={settings.NODE_ADDRESS}",
            f"--advertise-address={settings.NODE_ADDRESS}",
            f"--secure-port={settings.API_PORT}",
            f"--tls-cert-file={serving[0]}",
            f"--tls-private-key-file={serving[1]}",
            "--tls-min-version=VersionTLS12",
            f"--tls-cipher-suites={CIPHERS}",
            f"--client-ca-file={authority}",
            "--etcd-servers=https://127.0.0.1:2379",
            f"--etcd-cafile={etcd_authority}",
            f"--etcd-certfile={etcd[0]}",
            f"--etcd-keyfile={etcd[1]}",
            f"--kubelet-client-certificate={kubelet[0]}",
            f"--kubelet-client-key={kubelet[1]}",
            f"--kubelet-certificate-authority={authority}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
            f"--service-account-issuer=https://kubernetes.default.svc.{settings.DOMAIN}",
            f"--service-account-key-file={service_account}",
            f"--service-account-signing-key-file={_key('service-account')}",
            # A pod's token lives as long as it says (an hour), and is renewed in its file.
            "--service-account-extend-token-expiration=false",
            "--authorization-mode=Node,RBAC",
            # Pod Security and the other plugins that are on by default stay on.
            "--enable-admission-plugins=NodeRestriction",
            f"--requestheader-client-ca-file={front_authority}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            f"--proxy-client-cert-file={front[0]}",
            f"--proxy-client-key-file={front[1]}",
            # Straight to the pod's address: works before kube-proxy does.
            "--enable-aggregator-routing=true",
            *(f"{flag}={path}" for flag, path in configs.items()),
            f"--audit-log-path={paths.LOG / 'audit.log'}",
            "--audit-log-maxsize=20",
            "--audit-log-maxbackup=10",
            "--audit-log-maxage=30",
            "--allow-privileged=true",
            "--profiling=false",
        ),
        healthy=_https(f"{settings.API_SERVER}/readyz", client="admin"),
        environment=environment,
        files=(
            *serving,
            *etcd,
            *kubelet,
            *front,
            authority,
            front_authority,
            etcd_authority,
            service_account,
            *configs.values(),
        ),
        patience=90,
        # It finds an etcd that was restarted by itself again, at growing intervals.
        second_chance=20,
    )


def _controller_manager(program: Path, environment: Mapping[str, str]) -> Component:
    config, authority = configuration.path("controller-manager.kubeconfig"), _cert("ca")
    serving = _pair("controller-manager-server")
    return Component(
        name="kube-controller-manager",
        command=(
            str(program),
            *_delegating(config, serving),
            f"--cluster-cidr={settings.POD_NETWORK}",
            f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
            f"--root-ca-file={authority}",
            f"--cluster-signing-cert-file={authority}",
            f"--cluster-signing-key-file={_key('ca')}",
            f"--service-account-private-key-file={_key('service-account')}",
            "--use-service-account-credentials=true",
            "--terminated-pod-gc-threshold=100",
            # The only node's pods cannot go elsewhere, and they go on running when the kubelet is silent: after the
            # default of 50 s all of them would be taken out of their Services. `status` asks the kubelet itself.
            "--node-monitor-grace-period=24h",
            # Many objects at once are the normal case here: a whole stack appears and goes.
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ),
        healthy=_https("https://127.0.0.1:10257/healthz"),
        environment=environment,
        files=(config, authority, *serving),
    )


def _scheduler(program: Path, environment: Mapping[str, str]) -> Component:
    config, serving = configuration.path("scheduler.kubeconfig"), _pair("scheduler-server")
    return Component(
        name="kube-scheduler",
        command=(str(program), *_delegating(config, serving), "--kube-api-qps=200", "--kube-api-burst=400"),
        healthy=_https("https://127.0.0.1:10259/healthz"),
        environment=environment,
        files=(config, *serving),
    )


def _delegating(config: Path, serving: tuple[Path, Path]) -> tuple[str, ...]:
    """The flags that the controller manager and the scheduler share."""
    return (
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--bind-address=127.0.0.1",
        f"--tls-cert-file={serving[0]}",
        f"--tls-private-key-file={serving[1]}",
        "--tls-min-version=VersionTLS12",
        f"--tls-cipher-suites={CIPHERS}",
        # There is one of each, so nobody to elect; a restart goes on at once instead of waiting for an old lease.
        "--leader-elect=false",
        "--profiling=false",
    )


def _kubelet(program: Path, environment: Mapping[str, str]) -> Component:
    config, access = configuration.path("kubelet.yaml"), configuration.path("kubelet.kubeconfig")
    return Component(
        name="kubelet",
        command=(
            str(program),
            f"--config={config}",
            f"--kubeconfig={access}",
            f"--root-dir={configuration.KUBELET}",
            f"--cert-dir={configuration.KUBELET / 'pki'}",
            f"--hostname-override={settings.NODE}",
            f"--node-ip={settings.NODE_ADDRESS}",
            "--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=local",
        ),
        healthy=_http("http://127.0.0.1:10248/healthz"),
        environment=environment,
        files=(config, access, configuration.RESOLV_CONF, _cert("ca"), *_pair("kubelet-server")),
    )


def _kube_proxy(program: Path, environment: Mapping[str, str]) -> Component:
    config, access = configuration.path("proxy.yaml"), configuration.path("proxy.kubeconfig")
    return Component(
        name="kube-proxy",
        command=(str(program), f"--config={config}"),
        healthy=_http("http://127.0.0.1:10256/healthz"),
        environment=environment,
        files=(config, access),
    )


def _loadbalancer(program: Path, environment: Mapping[str, str]) -> Component:
    access = configuration.path("loadbalancer.kubeconfig")
    return Component(
        name="loadbalancer",
        command=(
            str(program),
            f"-kubeconfig={access}",
            f"-first={settings.POOL_FIRST}",
            f"-last={settings.POOL_LAST}",
            "-health-address=127.0.0.1:10270",
        ),
        healthy=_http("http://127.0.0.1:10270/healthz"),
        environment=environment,
        files=(access,),
    )
