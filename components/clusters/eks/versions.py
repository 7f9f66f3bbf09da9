"""EKS versions and, for each, the add-on builds that are installed: fixed here, so that every run makes the same.

Each build is one that `aws eks describe-addon-versions --kubernetes-version <minor>` listed for the minor version when
it was entered (1.35: August 2026, 1.36: October 2026). EKS refuses a build that does not fit the minor version.
This module imports nothing, so settings can read it without loading Pulumi.
"""

from __future__ import annotations

from typing import Final

EKS_VERSIONS: Final[dict[str, dict[str, str]]] = {
    "1.35": {
        "vpc-cni": "v1.22.4-eksbuild.3",
        "kube-proxy": "v1.35.3-eksbuild.21",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
        "coredns": "v1.13.2-eksbuild.21",
        "aws-ebs-csi-driver": "v1.65.0-eksbuild.1",
        "metrics-server": "v0.9.0-eksbuild.7",
    },
    "1.36": {
        "vpc-cni": "v1.23.2-eksbuild.1",
        "kube-proxy": "v1.36.0-eksbuild.25",
        "eks-pod-identity-agent": "v1.4.0-eksbuild.3",
        "coredns": "v1.14.7-eksbuild.10",
        "aws-ebs-csi-driver": "v1.65.0-eksbuild.1",
        "metrics-server": "v0.9.0-eksbuild.11",
    },
}
"""Minor version to add-on name to build. Versions in standard support: 1.35 until March 2027
(https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html)."""
NEWEST: Final = "1.36"
"""What a cluster gets that names no version."""
