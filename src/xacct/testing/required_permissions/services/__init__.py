"""The rules of each service whose calls require what AWS's reference says, read when the service is first called."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from xacct.testing.required_permissions.service_rules import ServiceRules

__all__ = ["SERVICES", "rules_of"]

# The modules of the services, by the service's name in signatures; for S3 Control, which has that of S3, in botocore.
SERVICES = {
    "dynamodb": "dynamodb",
    "ecr": "ecr",
    "events": "events",
    "lambda": "aws_lambda",
    "logs": "logs",
    "s3control": "s3_control",
    "secretsmanager": "secrets_manager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
}


@cache
def rules_of(service: str) -> ServiceRules | None:
    """Return the rules of a service; None if there are none.

    Args:
        service: the name of the service, as in `SERVICES`.
    """
    if service not in SERVICES:
        return None
    rules: ServiceRules = import_module(f"{__name__}.{SERVICES[service]}").RULES
    return rules
