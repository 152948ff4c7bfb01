"""Actions whose access level misleads those who ask whether a policy only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["LEVEL_EXCEPTIONS"]

_KMS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"
_COGNITO = "https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html"
_POD_IDENTITY = "https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html"
_DATAZONE = "https://docs.aws.amazon.com/datazone/latest/APIReference/API_GetEnvironmentCredentials.html"
_LAKE_FORMATION = (
    "https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_GetTemporaryGlueTableCredentials.html"
)
_SESSION_MANAGER = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetAccessToken.html"
_GAMELIFT = "https://docs.aws.amazon.com/gamelift/latest/apireference/API_GetComputeAccess.html"
_UPLOAD = "https://docs.aws.amazon.com/audit-manager/latest/APIReference/API_GetEvidenceFileUploadUrl.html"

LEVEL_EXCEPTIONS: Mapping[str, tuple[Literal["reads", "writes"], str]] = {
    # AWS classes it as Write, but nobody can read an object that is encrypted with a KMS key without it.
    "kms:decrypt": ("reads", _KMS),
    # AWS classes these as Read. They return credentials of a role, or a URL to upload to, and the caller's own
    # policies do not limit what can be done with them.
    "auditmanager:getevidencefileuploadurl": ("writes", _UPLOAD),
    "cognito-identity:getcredentialsforidentity": ("writes", _COGNITO),
    "cognito-identity:getopenidtoken": ("writes", _COGNITO),
    "cognito-identity:getopenidtokenfordeveloperidentity": ("writes", _COGNITO),
    "datazone:getdomainexecutionrolecredentials": ("writes", _DATAZONE),
    "datazone:getenvironmentcredentials": ("writes", _DATAZONE),
    "eks-auth:assumeroleforpodidentity": ("writes", _POD_IDENTITY),
    "gamelift:getcomputeaccess": ("writes", _GAMELIFT),
    "gamelift:requestuploadcredentials": ("writes", _GAMELIFT),
    "lakeformation:gettemporarygluepartitioncredentials": ("writes", _LAKE_FORMATION),
    "lakeformation:gettemporarygluetablecredentials": ("writes", _LAKE_FORMATION),
    "ssm:getaccesstoken": ("writes", _SESSION_MANAGER),
}
"""What an action does that its access level does not tell, and the page of AWS's documentation, by action in lower
case."""
