"""What clouds and Kubernetes allow for the names and texts that this program gives: a row for each input with a limit.

A test holds the table complete against every resource type that the stacks' plans contain, and every name in those
plans against the table. Imports no SDK.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SUFFIX_LENGTH: Final = 8
"""What Pulumi's providers append to a resource's logical name where the program gives none: '-' and seven hexadecimal
digits (https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming)."""


@dataclass(frozen=True)
class Limit:
    """What one input may hold.

    Attributes:
        longest: Most characters.
        pattern: What the whole text matches.
        says: The same for people, after "must have".
        source: Where it is written.
        shortest: Fewest characters.
        suffixed: Whether the program leaves the name to the provider, which makes it of the logical name.
    """

    longest: int
    pattern: str
    says: str
    source: str
    shortest: int = 1
    suffixed: bool = False

    @property
    def room(self) -> int:
        """Most characters that the program itself may give."""
        return self.longest - (SUFFIX_LENGTH if self.suffixed else 0)

    def fits(self, text: str) -> bool:
        """Whether a name as the cloud sees it is allowed.

        Args:
            text: The complete name, a provider's suffix included.
        """
        return self.shortest <= len(text) <= self.longest and re.fullmatch(self.pattern, text) is not None


def as_made(limit: Limit, name: str) -> str:
    """A name as the cloud will see it.

    Args:
        limit: The limit that it is held against.
        name: What the program gives.
    """
    return f"{name}-0123abc" if limit.suffixed else name


_AWS = "https://docs.aws.amazon.com"
_EC2 = f"{_AWS}/AWSEC2/latest/APIReference"
_IAM = f"{_AWS}/IAM/latest/UserGuide/reference_iam-quotas.html"
_RDS = f"{_AWS}/AmazonRDS/latest/APIReference"
_ROUTE53 = f"{_AWS}/Route53/latest/DeveloperGuide/DomainNameFormat.html"
_GOOGLE = "https://cloud.google.com"
_GOOGLE_IAM = f"{_GOOGLE}/iam/docs/reference/rest/v1"
_MYSQL = "https://dev.mysql.com/doc/refman/8.4/en"

_ANY = (r"[^\x00-\x1f]*", "printable characters")
_DNS = (
    r"(?:[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.?",
    "DNS labels of at most 63 characters, joined by dots",
)
_EKS = (r"[0-9A-Za-z][0-9A-Za-z_-]*", "letters, digits, '_' and '-'")
_GROUP = (
    r"(?!sg-)[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*",
    "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, not starting with sg-",
)
_IAM_TEXT = (r"[\w+=,.@-]+", "letters, digits and +=,.@_-")
_KMS = (r"[a-zA-Z0-9_-]+", "letters, digits, '_' and '-'")
_POOL = (r"(?!gcp-)[a-z0-9-]+", "lower-case letters, digits and '-', not starting with gcp-")
_RDS_ID = (r"[a-z](?:-?[a-z0-9])*", "a letter first, then letters, digits and single '-'")
_RFC1035 = (
    r"[a-z](?:[-a-z0-9]*[a-z0-9])?",
    "a lower-case letter first, then letters, digits and '-', a letter or digit last",
)
_SQL = (r"[a-z][a-z0-9_]*", "a letter first, then letters, digits and '_'")


def _text(longest: int, source: str) -> Limit:
    return Limit(longest, *_ANY, source, shortest=0)


def _named(longest: int, kind: tuple[str, str], source: str, *, shortest: int = 1) -> Limit:
    """A name that the provider makes of the logical one."""
    return Limit(longest, *kind, source, shortest, suffixed=True)


_COMPUTE = f"{_GOOGLE}/compute/docs/naming-resources#resource-name-format"
_MANAGER = {"name": _named(63, _RFC1035, f"{_GOOGLE}/certificate-manager/docs/reference/rest")}

AWS_LIMITS: Final[dict[str, dict[str, Limit]]] = {
    # It becomes the common name, which RFC 5280 cuts short; what else the certificate names may be longer.
    "aws:acm/certificate:Certificate": {
        "domainName": Limit(64, rf"(?:\*\.)?{_DNS[0]}", _DNS[1], f"{_AWS}/acm/latest/userguide/acm-limits.html")
    },
    "aws:cloudwatch/logGroup:LogGroup": {
        "name": _named(
            512,
            (r"[-._/#A-Za-z0-9]+", "letters, digits and -._/#"),
            f"{_AWS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
        )
    },
    "aws:ec2/keyPair:KeyPair": {"keyName": _named(255, (r"[ -~]+", "ASCII"), f"{_EC2}/API_ImportKeyPair.html")},
    "aws:ec2/launchTemplate:LaunchTemplate": {
        # The API takes 128; the provider refuses more than 125.
        "name": _named(
            125,
            (r"[a-zA-Z0-9().\-/_]+", "letters, digits and ().-/_"),
            f"{_EC2}/API_CreateLaunchTemplate.html",
            shortest=3,
        ),
        "description": _text(255, f"{_EC2}/API_CreateLaunchTemplate.html"),
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        "name": _named(255, _GROUP, f"{_EC2}/API_CreateSecurityGroup.html"),
        "description": Limit(255, *_GROUP, f"{_EC2}/API_CreateSecurityGroup.html"),
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "description": _text(255, f"{_EC2}/API_IpRange.html")
    },
    "aws:ecr/repository:Repository": {
        "name": Limit(
            256,
            r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
            "lower-case letters, digits, and single '-', '_', '.' and '/' between them",
            f"{_AWS}/AmazonECR/latest/APIReference/API_CreateRepository.html",
            shortest=2,
        )
    },
    # EKS takes 100; the name is a tag of volumes and a label value of nodes, which take 63.
    "aws:eks/cluster:Cluster": {"name": Limit(63, *_EKS, f"{_AWS}/eks/latest/APIReference/API_CreateCluster.html")},
    "aws:eks/nodeGroup:NodeGroup": {
        "nodeGroupName": _named(63, _EKS, f"{_AWS}/eks/latest/userguide/create-managed-node-group.html")
    },
    "aws:iam/policy:Policy": {"name": _named(128, _IAM_TEXT, _IAM)},
    "aws:iam/role:Role": {"name": _named(64, _IAM_TEXT, _IAM)},
    "aws:iam/rolePolicy:RolePolicy": {"name": _named(128, _IAM_TEXT, _IAM)},
    "aws:iam/user:User": {"name": _named(64, _IAM_TEXT, _IAM)},
    "aws:kms/alias:Alias": {
        "name": Limit(
            256,
            r"alias/(?!aws/)[a-zA-Z0-9/_-]+",
            "letters, digits, '/', '_' and '-' behind alias/",
            f"{_AWS}/kms/latest/APIReference/API_CreateAlias.html",
        )
    },
    "aws:kms/key:Key": {"description": _text(8192, f"{_AWS}/kms/latest/APIReference/API_CreateKey.html")},
    "aws:rds/instance:Instance": {
        "identifier": _named(63, _RDS_ID, f"{_RDS}/API_CreateDBInstance.html"),
        "finalSnapshotIdentifier": Limit(255, *_RDS_ID, f"{_RDS}/API_DeleteDBInstance.html"),
        "dbName": Limit(63, *_SQL, f"{_RDS}/API_CreateDBInstance.html"),
        "username": Limit(16, *_SQL, f"{_RDS}/API_CreateDBInstance.html"),
    },
    "aws:rds/parameterGroup:ParameterGroup": {"name": _named(255, _RDS_ID, f"{_RDS}/API_CreateDBParameterGroup.html")},
    "aws:rds/subnetGroup:SubnetGroup": {
        "name": _named(
            255,
            (r"(?!default$)[a-z0-9_. -]+", "lower-case letters, digits, '.', '_', '-' and spaces"),
            f"{_RDS}/API_CreateDBSubnetGroup.html",
        )
    },
    "aws:route53/record:Record": {"name": Limit(255, *_DNS, _ROUTE53)},
    "aws:route53/zone:Zone": {
        "name": Limit(255, *_DNS, _ROUTE53),
        "comment": _text(256, f"{_AWS}/Route53/latest/APIReference/API_HostedZoneConfig.html"),
    },
    "aws:s3/bucket:Bucket": {
        "bucket": Limit(
            63,
            r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?:\.?[a-z0-9-])*(?<!-s3alias)(?<!--ol-s3)(?<!-)",
            "lower-case letters, digits, '-' and single '.'",
            f"{_AWS}/AmazonS3/latest/userguide/bucketnamingrules.html",
            shortest=3,
        )
    },
    "aws:s3/bucketObjectv2:BucketObjectv2": {"key": _text(1024, f"{_AWS}/AmazonS3/latest/userguide/object-keys.html")},
}
"""Resource type to input to limit, at AWS."""

GOOGLE_LIMITS: Final[dict[str, dict[str, Limit]]] = {
    "gcp:artifactregistry/repository:Repository": {
        "repositoryId": Limit(63, *_RFC1035, f"{_GOOGLE}/artifact-registry/docs/repositories/create-repos")
    },
    "gcp:certificatemanager/certificate:Certificate": _MANAGER,
    "gcp:certificatemanager/certificateMap:CertificateMap": _MANAGER,
    "gcp:certificatemanager/certificateMapEntry:CertificateMapEntry": _MANAGER,
    "gcp:certificatemanager/dnsAuthorization:DnsAuthorization": _MANAGER,
    "gcp:compute/sSLPolicy:SSLPolicy": {"name": _named(63, _RFC1035, _COMPUTE)},
    "gcp:compute/globalAddress:GlobalAddress": {"name": _named(63, _RFC1035, _COMPUTE)},
    "gcp:compute/network:Network": {"name": _named(63, _RFC1035, _COMPUTE)},
    "gcp:compute/router:Router": {"name": _named(63, _RFC1035, _COMPUTE)},
    "gcp:compute/routerNat:RouterNat": {"name": _named(63, _RFC1035, _COMPUTE, shortest=2)},
    "gcp:compute/subnetwork:Subnetwork": {"name": _named(63, _RFC1035, _COMPUTE)},
    "gcp:container/cluster:Cluster": {
        "name": Limit(40, *_RFC1035, f"{_GOOGLE}/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters")
    },
    "gcp:container/nodePool:NodePool": {
        "name": _named(40, _RFC1035, f"{_GOOGLE}/kubernetes-engine/docs/how-to/node-pools")
    },
    "gcp:dns/managedZone:ManagedZone": {
        "name": _named(63, _RFC1035, f"{_GOOGLE}/dns/docs/reference/rest/v1/managedZones"),
        "description": _text(1024, f"{_GOOGLE}/dns/docs/reference/rest/v1/managedZones"),
    },
    "gcp:dns/recordSet:RecordSet": {
        "name": Limit(253, *_DNS, f"{_GOOGLE}/dns/docs/reference/rest/v1/resourceRecordSets")
    },
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": {
        "workloadIdentityPoolId": Limit(
            32, *_POOL, f"{_GOOGLE_IAM}/projects.locations.workloadIdentityPools/create", shortest=4
        ),
        "displayName": _text(32, f"{_GOOGLE_IAM}/projects.locations.workloadIdentityPools"),
    },
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": {
        "workloadIdentityPoolProviderId": Limit(
            32, *_POOL, f"{_GOOGLE_IAM}/projects.locations.workloadIdentityPools.providers/create", shortest=4
        ),
        "attributeCondition": _text(4096, f"{_GOOGLE_IAM}/projects.locations.workloadIdentityPools.providers"),
    },
    "gcp:kms/cryptoKey:CryptoKey": {
        "name": _named(63, _KMS, f"{_GOOGLE}/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/create")
    },
    "gcp:kms/keyRing:KeyRing": {
        "name": _named(63, _KMS, f"{_GOOGLE}/kms/docs/reference/rest/v1/projects.locations.keyRings/create")
    },
    "gcp:projects/iAMCustomRole:IAMCustomRole": {
        "roleId": Limit(
            64,
            r"[a-zA-Z0-9_.]+",
            "letters, digits, '_' and '.'",
            f"{_GOOGLE_IAM}/projects.roles/create",
            shortest=3,
        ),
        "title": _text(100, f"{_GOOGLE_IAM}/organizations.roles#Role"),
    },
    "gcp:serviceaccount/account:Account": {
        "accountId": Limit(30, *_RFC1035, f"{_GOOGLE_IAM}/projects.serviceAccounts/create", shortest=6),
        "displayName": _text(100, f"{_GOOGLE_IAM}/projects.serviceAccounts"),
    },
    # What `google.subject` may hold; it stands behind /subject/ in the member.
    "gcp:serviceaccount/iAMMember:IAMMember": {
        "member": _text(127, f"{_GOOGLE_IAM}/projects.locations.workloadIdentityPools.providers")
    },
    "gcp:sql/database:Database": {"name": Limit(63, *_SQL, f"{_MYSQL}/identifier-length.html")},
    # 98 with the project's id and ':' in front, of which the longest is 30.
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "name": _named(67, _RFC1035, f"{_GOOGLE}/sql/docs/mysql/instance-settings")
    },
    "gcp:sql/user:User": {"name": Limit(32, *_SQL, f"{_MYSQL}/user-names.html")},
}
"""The same at Google Cloud."""

LIMITS: Final = {**AWS_LIMITS, **GOOGLE_LIMITS}

TAG_VALUE: Final = Limit(
    256,
    r"[\w .:/=+@-]*",
    "letters, digits, spaces and _.:/=+-@",
    f"{_AWS}/IAM/latest/APIReference/API_Tag.html",
    shortest=0,
)
"""IAM's, which is the narrowest."""
LABEL_VALUE: Final = Limit(
    63,
    r"[a-z0-9_-]*",
    "lower-case letters, digits, '_' and '-'",
    f"{_GOOGLE}/resource-manager/docs/labels-overview#requirements",
    shortest=0,
)
KUBERNETES_LABEL: Final = Limit(
    63,
    r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
    "letters, digits, '-', '_' and '.', a letter or digit first and last",
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set",
    shortest=0,
)
KUBERNETES_NAME: Final = Limit(
    63,
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?",
    "lower-case letters, digits and '-', a letter or digit first and last",
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
)
