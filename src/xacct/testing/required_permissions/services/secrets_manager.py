"""The permissions of AWS Secrets Manager, and the policies of its secrets.

Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, ResourceState, ServiceRules

__all__ = ["RULES"]

# The ARN of a new secret ends with six random characters.
_NEW_ARN = "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${SecretId}-AbCdEf"


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("secretsmanager", arn.account, arn.region)
    if backend is None:
        return None
    # A request can have the name, or an ARN without the random characters.
    secret = backend.secrets.get(str(arn)) or backend.secrets.get(arn.resource.removeprefix("secret:"))
    if secret is None:
        return None
    tags = {tag["Key"]: tag["Value"] for tag in secret.tags or ()}
    key = secret.kms_key_id or "alias/aws/secretsmanager"
    return ResourceState(arn=secret.arn, policy=secret.policy, tags=tags, kms_key=key)


RULES = ServiceRules(
    prefix="secretsmanager",
    operations={
        "BatchGetSecretValue": (
            Needs(action="BatchGetSecretValue"),
            Needs(action="GetSecretValue", when="SecretIdList", names={"SecretId": "SecretIdList"}),
        ),
        "CreateSecret": (
            Needs(action="CreateSecret", form=_NEW_ARN, names={"SecretId": "Name"}),
            Needs(action="TagResource", form=_NEW_ARN, names={"SecretId": "Name"}, when="Tags"),
        ),
    },
    find=_find,
    shown=("SecretId", "Name"),
    tag_keys=("aws:ResourceTag", "secretsmanager:ResourceTag"),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    kms_service="secretsmanager",
    kms_context="SecretARN",
    kms_actions={
        "secretsmanager:GetSecretValue": ("kms:Decrypt",),
        "secretsmanager:PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
    },
)
