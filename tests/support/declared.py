"""Writes down which connections a program declares, while it runs, without looking at the policies it makes of them."""

from __future__ import annotations

import importlib
import ipaddress
import pkgutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import components.platform
import components.systems
import components.workload
from components.model import Endpoint, Outside, Peer
from components.workload import Service, ServiceArgs, edges
from ops.render.program import record

if TYPE_CHECKING:
    from stacks.stack_file import StackConfig

_SERVICE_MODULE = Service.__module__


@dataclass(frozen=True)
class Owner:
    """Pods of one workload."""

    cluster: str
    namespace: str
    selector: frozenset[tuple[str, str]]

    @staticmethod
    def of(peer: Peer) -> Owner:
        """The pods behind a peer."""
        return Owner(peer.namespace.cluster.name, peer.namespace.name, frozenset(peer.selector.items()))


@dataclass
class Declared:
    """All connections that a program declares."""

    edges: set[tuple[Owner, Owner, int, str]] = field(default_factory=set[tuple[Owner, Owner, int, str]])
    outside: list[tuple[Owner, Outside]] = field(default_factory=list[tuple[Owner, Outside]])
    public: set[tuple[Owner, int, str]] = field(default_factory=set[tuple[Owner, int, str]])
    asking: set[Owner] = field(default_factory=set[Owner])

    def reaches(self, client: Owner, address: str, port: int) -> bool:
        """Whether a client declares a range of addresses that covers an address and port."""
        return any(
            owner == client
            and port in target.ports
            and any(ipaddress.ip_address(address) in ipaddress.ip_network(cidr) for cidr in target.cidrs)
            for owner, target in self.outside
        )

    def connect(self, client: Peer, server: Endpoint) -> None:
        """Note an edge between two workloads."""
        port = server.peer.ports[server.port]
        self.edges.add((Owner.of(client), Owner.of(server.peer), port.number, port.protocol))

    def note(self, service: Service, args: ServiceArgs) -> None:
        """Note all that a workload says about its connections."""
        own, cluster = Owner.of(service.peer), args.namespace.cluster
        for target in args.connects_to:
            self.asking.add(own)
            if isinstance(target, Outside):
                self.outside.append((own, target))
            else:
                self.connect(service.peer, target)
        if args.metrics and cluster.metrics_reader:
            self.connect(cluster.metrics_reader, service.endpoint(args.metrics.port))
        if args.exposure is None:
            return
        if args.exposure.service_type != "ClusterIP" or args.public:
            targets = [service.peer.ports[port.target] for port in args.exposure.ports]
            self.public |= {(own, port.number, port.protocol) for port in targets}
        if args.exposure.host and cluster.ingress:
            self.connect(cluster.ingress.peer, service.endpoint(args.exposure.ports[0].target))


def declared(config: StackConfig) -> Declared:
    """Run a stack and note what it declares."""
    # Loaded before anything is replaced: a module that is imported meanwhile would keep the replacement for ever.
    for package in (components.platform, components.systems, components.workload):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found = Declared()
    make, connect = Service.__init__, edges.connect

    def noting_make(self: Service, name: str, args: ServiceArgs, opts: Any = None) -> None:
        make(self, name, args, opts)
        found.note(self, args)

    def noting_connect(client: Peer, server: Endpoint, parent: Any) -> None:
        connect(client, server, parent)
        found.connect(client, server)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "__init__", noting_make)
        # A workload's own edges are noted from what it says, not from what the core makes of it.
        for name, module in list(sys.modules.items()):
            if name.startswith("components.") and name != _SERVICE_MODULE and vars(module).get("connect") is connect:
                patch.setattr(module, "connect", noting_connect)
        record(config)
    return found
