"""The fixed numbers of the embedded cluster: addresses, ports, names.

One machine has one embedded cluster, so these are constants. The ranges are private ones that container engines and
clouds seldom use.
"""

from __future__ import annotations

CONTEXT = "slipway"
NODE = "slipway"

BRIDGE = "k8s0"
NODE_ADDRESS = "10.99.0.1"
NODE_NETWORK = "10.99.0.0/24"
POOL_FIRST = "10.99.0.100"
POOL_LAST = "10.99.0.250"

POD_BRIDGE = "k8s1"
POD_NETWORK = "10.244.0.0/22"
MAX_PODS = 250

SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
DNS_ADDRESS = "10.96.0.10"
DOMAIN = "cluster.local"

API_PORT = 6443
REGISTRY_PORT = 5000
API_SERVER = f"https://{NODE_ADDRESS}:{API_PORT}"
REGISTRY = f"127.0.0.1:{REGISTRY_PORT}"

# What must be reached without a proxy, also where the machine has one.
NO_PROXY = f"127.0.0.1,localhost,::1,{NODE_NETWORK},{POD_NETWORK},{SERVICE_NETWORK},.svc,.{DOMAIN}"
