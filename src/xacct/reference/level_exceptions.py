"""Actions whose access level misleads those who ask whether a policy only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

__all__ = ["LEVEL_EXCEPTIONS"]

_AWS = "https://docs.aws.amazon.com"
_COGNITO = f"{_AWS}/cognitoidentity/latest/APIReference"
_GAMELIFT = f"{_AWS}/gamelift/latest/apireference"
_LAKE_FORMATION = f"{_AWS}/lake-formation/latest/APIReference"
# The pages of the service authorization reference, for actions without another page: what the action grants.
_REFERENCE = f"{_AWS}/service-authorization/latest/reference"

LEVEL_EXCEPTIONS: Mapping[str, tuple[Literal["reads", "writes"], str]] = {
    # AWS classes it as Write, but nobody can read an object that is encrypted with a KMS key without it.
    "kms:decrypt": ("reads", f"{_AWS}/AmazonS3/latest/API/API_GetObject.html"),
    # AWS classes these as Read. They issue credentials of a role or of a service, or a URL to upload to, and the
    # caller's own policies do not limit what can be done with them.
    "acm:getacmeexternalaccountbindingcredentials": ("writes", f"{_REFERENCE}/list_awscertificatemanager.html"),
    "auditmanager:getevidencefileuploadurl": (
        "writes", f"{_AWS}/audit-manager/latest/APIReference/API_GetEvidenceFileUploadUrl.html"
    ),
    "bedrock-agentcore:completeresourcetokenauth": ("writes", f"{_REFERENCE}/list_amazonbedrockagentcore.html"),
    "bedrock-agentcore:getresourceoauth2token": ("writes", f"{_REFERENCE}/list_amazonbedrockagentcore.html"),
    "bedrock-agentcore:getresourcepaymenttoken": ("writes", f"{_REFERENCE}/list_amazonbedrockagentcore.html"),
    "cloud9:createenvironmenttoken": ("writes", f"{_REFERENCE}/list_awscloud9.html"),
    "cloudwatch:getspacecredentials": ("writes", f"{_REFERENCE}/list_amazoncloudwatch.html"),
    "cloudwatch:getspacecredentialsfororganization": ("writes", f"{_REFERENCE}/list_amazoncloudwatch.html"),
    "cognito-identity:getcredentialsforidentity": ("writes", f"{_COGNITO}/API_GetCredentialsForIdentity.html"),
    "cognito-identity:getopenidtoken": ("writes", f"{_COGNITO}/API_GetOpenIdToken.html"),
    "cognito-identity:getopenidtokenfordeveloperidentity": (
        "writes", f"{_COGNITO}/API_GetOpenIdTokenForDeveloperIdentity.html"
    ),
    "connect:getfederationtoken": ("writes", f"{_AWS}/connect/latest/APIReference/API_GetFederationToken.html"),
    "datazone:getdomainexecutionrolecredentials": ("writes", f"{_REFERENCE}/list_amazondatazone.html"),
    "datazone:getenvironmentcredentials": (
        "writes", f"{_AWS}/datazone/latest/APIReference/API_GetEnvironmentCredentials.html"
    ),
    "eks-auth:assumeroleforpodidentity": (
        "writes", f"{_AWS}/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html"
    ),
    "emr-serverless:getsessionendpoint": ("writes", f"{_REFERENCE}/list_amazonemrserverless.html"),
    "finspace-api:getprogrammaticaccesscredentials": ("writes", f"{_REFERENCE}/list_amazonfinspaceapi.html"),
    "gamelift:getcomputeaccess": ("writes", f"{_GAMELIFT}/API_GetComputeAccess.html"),
    "gamelift:getcomputeauthtoken": ("writes", f"{_GAMELIFT}/API_GetComputeAuthToken.html"),
    "gamelift:requestuploadcredentials": ("writes", f"{_GAMELIFT}/API_RequestUploadCredentials.html"),
    "lakeformation:gettemporarygluepartitioncredentials": (
        "writes", f"{_LAKE_FORMATION}/API_GetTemporaryGluePartitionCredentials.html"
    ),
    "lakeformation:gettemporarygluetablecredentials": (
        "writes", f"{_LAKE_FORMATION}/API_GetTemporaryGlueTableCredentials.html"
    ),
    "license-manager:getaccesstoken": (
        "writes", f"{_AWS}/license-manager/latest/APIReference/API_GetAccessToken.html"
    ),
    "profile:getuploadjobpath": ("writes", f"{_REFERENCE}/list_amazonconnectcustomerprofiles.html"),
    "ssm:getaccesstoken": ("writes", f"{_AWS}/systems-manager/latest/APIReference/API_GetAccessToken.html"),
    "tax:getdocumentuploadurl": ("writes", f"{_REFERENCE}/list_awstaxsettings.html"),
}  # fmt: skip
"""What an action does that its access level does not tell, and the page of AWS's documentation, by action in lower
case.

These are no exceptions:

- ``s3:GetDataAccess`` returns credentials, which can write if an access grant says so. It gives a caller nothing
  unless an administrator of S3 Access Grants has named it in a grant, as a bucket policy could have. The proof of a
  role's own policies covers neither. AmazonS3ReadOnlyAccess allows the action.
  https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_GetDataAccess.html
- Tokens with which a caller can do what its policies allow anyway: ``sts:GetSessionToken``,
  ``sts:GetServiceBearerToken``, ``ecr:GetAuthorizationToken``, ``codeartifact:GetAuthorizationToken``.
- What somebody has stored, such as a password or an API key: ``secretsmanager:GetSecretValue``,
  ``bedrock-agentcore:GetResourceApiKey``.
- URLs to download from.
"""
