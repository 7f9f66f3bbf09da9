"""etcd, the API server, the controller manager and the scheduler: how each is started and asked whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local import configuration, paths, pki, probe, settings
from local.processes import Component

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_CIPHERS = ",".join(configuration.CIPHERS)


def _cert(name: str) -> Path:
    return pki.certificate(paths.PKI, name)


def _key(name: str) -> Path:
    return pki.key(paths.PKI, name)


def _pair(name: str) -> tuple[Path, Path]:
    return pki.pair(paths.PKI, name)


def etcd(program: Path, environment: Mapping[str, str]) -> Component:
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
            f"--cipher-suites={_CIPHERS}",
            "--log-level=warn",
        ),
        healthy=probe.http_check("http://127.0.0.1:2381/readyz"),
        environment=environment,
        files=(certificate, key, authority),
    )


def apiserver(program: Path, environment: Mapping[str, str]) -> Component:
    serving, authority, service_account = _pair("apiserver"), _cert("ca"), paths.PKI / "service-account.pub"
    configs = {
        "--authentication-config": configuration.path("apiserver-authentication.yaml"),
        "--encryption-provider-config": configuration.path("apiserver-encryption.yaml"),
        "--audit-policy-file": configuration.path("apiserver-audit.yaml"),
    }
    clients = [
        file for name in ("etcd-client", "apiserver-kubelet-client", "front-proxy-client") for file in _pair(name)
    ]
    authorities = (authority, _cert("front-proxy-ca"), _cert("etcd-ca"))
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
            f"--tls-cipher-suites={_CIPHERS}",
            f"--client-ca-file={authority}",
            *_backends(),
            f"--service-cluster-ip-range={settings.SERVICE_NETWORK}",
            f"--service-account-issuer=https://kubernetes.default.svc.{settings.DOMAIN}",
            f"--service-account-key-file={service_account}",
            f"--service-account-signing-key-file={_key('service-account')}",
            # A pod's token lives as long as it says (an hour), and is renewed in its file.
            "--service-account-extend-token-expiration=false",
            "--authorization-mode=Node,RBAC",
            # Pod Security and the other plugins that are on by default stay on.
            "--enable-admission-plugins=NodeRestriction",
            *_aggregation(),
            *(f"{flag}={path}" for flag, path in configs.items()),
            f"--audit-log-path={paths.LOG / 'audit.log'}",
            "--audit-log-maxsize=20",
            "--audit-log-maxbackup=10",
            "--audit-log-maxage=30",
            "--allow-privileged=true",
            "--profiling=false",
        ),
        healthy=probe.https_check(f"{settings.API_SERVER}/readyz", client="admin"),
        environment=environment,
        files=(
            *serving,
            *clients,
            *authorities,
            service_account,
            *configs.values(),
        ),
        patience=90,
        # It finds an etcd that was restarted by itself again, at growing intervals.
        second_chance=20,
    )


def _backends() -> tuple[str, ...]:
    """The flags by which the API server reaches etcd and the kubelets."""
    etcd_client, kubelet_client = _pair("etcd-client"), _pair("apiserver-kubelet-client")
    return (
        "--etcd-servers=https://127.0.0.1:2379",
        f"--etcd-cafile={_cert('etcd-ca')}",
        f"--etcd-certfile={etcd_client[0]}",
        f"--etcd-keyfile={etcd_client[1]}",
        f"--kubelet-client-certificate={kubelet_client[0]}",
        f"--kubelet-client-key={kubelet_client[1]}",
        f"--kubelet-certificate-authority={_cert('ca')}",
        "--kubelet-preferred-address-types=InternalIP",
    )


def _aggregation() -> tuple[str, ...]:
    """The flags by which the API server speaks for a user to servers behind it, such as metrics-server."""
    client = _pair("front-proxy-client")
    return (
        f"--requestheader-client-ca-file={_cert('front-proxy-ca')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={client[0]}",
        f"--proxy-client-key-file={client[1]}",
        # Straight to the pod's address: works before kube-proxy does.
        "--enable-aggregator-routing=true",
    )


def controller_manager(program: Path, environment: Mapping[str, str]) -> Component:
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
        healthy=probe.https_check("https://127.0.0.1:10257/healthz"),
        environment=environment,
        files=(config, authority, *serving),
    )


def scheduler(program: Path, environment: Mapping[str, str]) -> Component:
    config, serving = configuration.path("scheduler.kubeconfig"), _pair("scheduler-server")
    return Component(
        name="kube-scheduler",
        command=(str(program), *_delegating(config, serving), "--kube-api-qps=200", "--kube-api-burst=400"),
        healthy=probe.https_check("https://127.0.0.1:10259/healthz"),
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
        f"--tls-cipher-suites={_CIPHERS}",
        # There is one of each, so nobody to elect; a restart goes on at once instead of waiting for an old lease.
        "--leader-elect=false",
        "--profiling=false",
    )
