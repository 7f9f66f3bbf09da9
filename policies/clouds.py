"""Rules about the clouds' resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.model import COMMON_TAGS, Resource, Rule, Stack, dig, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANYWHERE = ("0.0.0.0/0", "::/0")
BUCKET = "aws:s3/bucket:Bucket"
EKS = "aws:eks/cluster:Cluster"
GKE = "gcp:container/cluster:Cluster"
RDS = "aws:rds/instance:Instance"
CLOUD_SQL = "gcp:sql/databaseInstance:DatabaseInstance"
SUBNET = "aws:ec2/subnet:Subnet"
ECR = "aws:ecr/repository:Repository"
ARTIFACT_REGISTRY = "gcp:artifactregistry/repository:Repository"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GATES = (
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "gcp:compute/firewall:Firewall",
)
"""What lets connections in."""
PROTECTED = (
    BUCKET,
    EKS,
    GKE,
    RDS,
    CLOUD_SQL,
    "aws:kms/key:Key",
    "aws:route53/zone:Zone",
    ECR,
    "gcp:kms/cryptoKey:CryptoKey",
    ARTIFACT_REGISTRY,
)
"""What cannot be made again as it was."""
TAGGED = frozenset(
    {
        *PROTECTED,
        "aws:acm/certificate:Certificate",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/eip:Eip",
        "aws:ec2/flowLog:FlowLog",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/keyPair:KeyPair",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/securityGroup:SecurityGroup",
        SUBNET,
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:eks/nodeGroup:NodeGroup",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:iam/user:User",
        "aws:rds/parameterGroup:ParameterGroup",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "gcp:compute/globalAddress:GlobalAddress",
        "gcp:dns/managedZone:ManagedZone",
    }
)
"""Types that take tags or labels."""


def _buckets(stack: Stack, bucket: Resource) -> Iterator[str]:
    blocks = stack.about(bucket, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    if not any(all(block.at(switch) is True for switch in switches) for block in blocks):
        yield f"can become public; give it a BucketPublicAccessBlock with {', '.join(switches)}"
    if not stack.about(
        bucket, "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    ):
        yield "names no encryption; give it a BucketServerSideEncryptionConfiguration"
    versions = stack.about(bucket, "aws:s3/bucketVersioning:BucketVersioning")
    if not any(version.at("versioningConfiguration", "status") == "Enabled" for version in versions):
        yield "keeps no old versions; enable its versioning"
    if bucket.at("acl") not in (None, "private"):
        yield f"has the ACL {bucket.at('acl')}; leave it out"


def _tls(stack: Stack, bucket: Resource) -> Iterator[str]:
    policies = stack.about(bucket, "aws:s3/bucketPolicy:BucketPolicy")
    if not any("aws:SecureTransport" in str(policy.at("policy")) for policy in policies):
        yield "is reached without TLS; deny requests where aws:SecureTransport is false"


ENCRYPTED: dict[str, tuple[Callable[[Resource], bool], str]] = {
    RDS: (lambda r: r.at("storageEncrypted") is True, "is not encrypted; set storageEncrypted"),
    "aws:ebs/volume:Volume": (lambda r: r.at("encrypted") is True, "is not encrypted; set encrypted"),
    EKS: (
        lambda r: "secrets" in items(r.at("encryptionConfig", "resources")),
        "keeps Kubernetes Secrets without a key of its own; set encryptionConfig",
    ),
    GKE: (
        lambda r: r.at("databaseEncryption", "state") == "ENCRYPTED",
        "keeps Kubernetes Secrets without a key of its own; set databaseEncryption",
    ),
    LAUNCH_TEMPLATE: (
        lambda r: all(str(dig(d, "ebs", "encrypted")).lower() == "true" for d in items(r.at("blockDeviceMappings"))),
        "makes volumes without encryption; set ebs.encrypted",
    ),
    "kubernetes:storage.k8s.io/v1:StorageClass": (
        lambda r: r.at("provisioner") != "ebs.csi.aws.com" or r.at("parameters", "encrypted") == "true",
        "makes volumes without encryption; set parameters.encrypted",
    ),
}
"""Type to what says that it is encrypted, and what to say otherwise."""


def _encryption(_: Stack, resource: Resource) -> Iterator[str]:
    good, message = ENCRYPTED[resource.type]
    if not good(resource):
        yield message


def _sources(resource: Resource) -> list[Any]:
    """Ranges that a resource lets in, whatever its type calls them."""
    inline = [source for rule in items(resource.at("ingress")) for source in items(dig(rule, "cidrBlocks"))]
    single = [resource.at("cidrIpv4"), resource.at("cidrIpv6")]
    lists = [
        *items(resource.at("cidrBlocks")),
        *items(resource.at("ipv6CidrBlocks")),
        *items(resource.at("sourceRanges")),
    ]
    return [*inline, *single, *lists]


def _open_networks(_: Stack, resource: Resource) -> Iterator[str]:
    if resource.type == SUBNET:
        if resource.at("mapPublicIpOnLaunch") is True:
            yield "gives every machine a public address; leave mapPublicIpOnLaunch out"
        return
    outward = resource.at("type") == "egress" or resource.at("direction") == "EGRESS" or resource.at("denies")
    if not outward and any(source in ANYWHERE for source in _sources(resource)):
        yield "lets everybody in; name the ranges that connect"


def _open_eks(stack: Stack, cluster: Resource) -> Iterator[str]:
    if not stack.durable(cluster):
        return
    sources = items(cluster.at("vpcConfig", "publicAccessCidrs"))
    public = cluster.at("vpcConfig", "endpointPublicAccess") is not False
    if public and (not sources or any(source in ANYWHERE for source in sources)):
        yield "has an API that everybody reaches; name publicAccessCidrs or take the public endpoint away"
    if cluster.at("vpcConfig", "endpointPrivateAccess") is not True:
        yield "sends its nodes out and back to reach the API; set endpointPrivateAccess"


def _open_gke(stack: Stack, cluster: Resource) -> Iterator[str]:
    if not stack.durable(cluster):
        return
    allowed = cluster.at("masterAuthorizedNetworksConfig")
    sources = [dig(block, "cidrBlock") for block in items(dig(allowed, "cidrBlocks"))]
    if allowed is None or any(source in ANYWHERE for source in sources):
        yield "has an API that everybody reaches; name masterAuthorizedNetworksConfig"
    if cluster.at("privateClusterConfig", "enablePrivateNodes") is not True:
        yield "has nodes with public addresses; set privateClusterConfig.enablePrivateNodes"


def _private_databases(_: Stack, database: Resource) -> Iterator[str]:
    if database.type == RDS and database.at("publiclyAccessible") is not False:
        yield "can get a public address; set publiclyAccessible to false"
    if database.type == CLOUD_SQL and database.at("settings", "ipConfiguration", "ipv4Enabled") is not False:
        yield "has a public address; set ipConfiguration.ipv4Enabled to false"


def _metadata_service(_: Stack, resource: Resource) -> Iterator[str]:
    options = resource.at("metadataOptions")
    if dig(options, "httpTokens") != "required" or dig(options, "httpPutResponseHopLimit") != 1:
        yield "hands its role to every pod; set httpTokens to required and httpPutResponseHopLimit to 1"


def _tags(stack: Stack, resource: Resource) -> Iterator[str]:
    missing = [key for key in (*COMMON_TAGS, "system") if key not in stack.tags(resource)]
    if missing:
        yield f"lacks the tags {', '.join(missing)}"


def _protection(stack: Stack, resource: Resource) -> Iterator[str]:
    if not stack.durable(resource):
        return
    if not resource.protect:
        yield "is durable, but Pulumi would delete it; set protect"
    if resource.type in (EKS, GKE, RDS, CLOUD_SQL) and resource.at("deletionProtection") is not True:
        yield "is durable, but its cloud would delete it; set deletionProtection"
    if resource.type == BUCKET and resource.at("forceDestroy") is True:
        yield "is durable, but would go with everything in it; set forceDestroy to false"


def _providers(_: Stack, resource: Resource) -> Iterator[str]:
    if resource.package not in ("aws", "gcp", "kubernetes"):
        return
    # Pulumi calls the provider that it makes by itself `default`, or `default_<version>`.
    name = (resource.provider or "::default").rsplit("::", 1)[-1]
    if name == "default" or name.startswith("default_"):
        yield "goes to whatever account the machine is set to; name its provider"


def _registries(_: Stack, repository: Resource) -> Iterator[str]:
    if repository.type == ECR:
        if repository.at("imageTagMutability") != "IMMUTABLE":
            yield "lets tags move; set imageTagMutability to IMMUTABLE"
        if repository.at("imageScanningConfiguration", "scanOnPush") is not True:
            yield "is not scanned; set scanOnPush"
    elif repository.at("format") == "DOCKER" and repository.at("dockerConfig", "immutableTags") is not True:
        yield "lets tags move; set dockerConfig.immutableTags"


CLOUD_RULES = (
    Rule("private-buckets", "Buckets are private, encrypted and versioned.", (BUCKET,), _buckets),
    Rule("tls-only-buckets", "Buckets are reached over TLS alone.", (BUCKET,), _tls),
    Rule("encryption-at-rest", "Disks, databases and Kubernetes Secrets are encrypted.", (*ENCRYPTED,), _encryption),
    Rule("no-open-networks", "Nobody from anywhere reaches machines directly.", (*GATES, SUBNET), _open_networks),
    Rule("no-open-eks-api", "A durable cluster's API names the ranges that reach it.", (EKS,), _open_eks),
    Rule("no-open-gke-api", "A durable cluster's API names the ranges that reach it.", (GKE,), _open_gke),
    Rule("private-databases", "Databases have no public address.", (RDS, CLOUD_SQL), _private_databases),
    Rule(
        "metadata-service",
        "Pods cannot take their node's role.",
        (LAUNCH_TEMPLATE, "aws:ec2/instance:Instance"),
        _metadata_service,
    ),
    Rule("tags", "Everything says its project, stack, owner, lifecycle and system.", tuple(sorted(TAGGED)), _tags),
    Rule("protection", "What is durable is protected, by Pulumi and by its cloud.", PROTECTED, _protection),
    Rule("explicit-providers", "Every resource names the account or cluster that it goes to.", (), _providers),
    Rule("immutable-images", "A tag means the same image for ever.", (ECR, ARTIFACT_REGISTRY), _registries),
)
"""The rules about the clouds."""
