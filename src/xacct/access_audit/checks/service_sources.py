"""The AWS services that say for which account and resource they act, and where AWS's documentation says so.

A service that is not listed is not reported: a condition on a key that it does not send would lock it out.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ROLE_SOURCES", "source_page"]

_DOCS = "https://docs.aws.amazon.com"

# The services that send aws:SourceAccount and aws:SourceArn when they assume a role. Not among them are
# ec2.amazonaws.com, which sends neither, and lambda.amazonaws.com: a function uses only roles of its own account, so
# that no other account can make Lambda use a role.
ROLE_SOURCES: Mapping[str, str] = {
    service: f"{_DOCS}/{page}"
    for service, page in {
        "appstream.amazonaws.com": "appstream2/latest/developerguide/example-fleet-machine.html",
        "autoscaling.amazonaws.com": "autoscaling/ec2/userguide/cross-service-confused-deputy-prevention.html",
        "bedrock.amazonaws.com": "bedrock/latest/userguide/cross-service-confused-deputy-prevention.html",
        "codebuild.amazonaws.com": "codebuild/latest/userguide/cross-service-confused-deputy-prevention.html",
        "codedeploy.amazonaws.com": "codedeploy/latest/userguide/security_confused_deputy.html",
        "comprehend.amazonaws.com": "comprehend/latest/dg/cross-service-confused-deputy-prevention.html",
        "dms.amazonaws.com": "dms/latest/userguide/cross-service-confused-deputy-prevention.html",
        "ecs-tasks.amazonaws.com": "AmazonECS/latest/developerguide/task-iam-roles.html",
        "events.amazonaws.com": "eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html",
        "firehose.amazonaws.com": "firehose/latest/dev/confused-deputy.html",
        "iot.amazonaws.com": "iot/latest/developerguide/cross-service-confused-deputy-prevention.html",
        "kendra.amazonaws.com": "kendra/latest/dg/cross-service-confused-deputy-prevention.html",
        "logs.amazonaws.com": "AmazonCloudWatch/latest/logs/Subscriptions-confused-deputy.html",
        "monitoring.rds.amazonaws.com": "AmazonRDS/latest/UserGuide/cross-service-confused-deputy-prevention.html",
        "personalize.amazonaws.com": "personalize/latest/dg/cross-service-confused-deputy-prevention.html",
        "pipes.amazonaws.com": "eventbridge/latest/userguide/eb-pipes-permissions.html",
        "resources.cloudformation.amazonaws.com":
            "AWSCloudFormation/latest/UserGuide/cross-service-confused-deputy-prevention.html",
        "sagemaker.amazonaws.com": "sagemaker/latest/dg/security-confused-deputy-prevention.html",
        "scheduler.amazonaws.com": "scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html",
        "ssm.amazonaws.com": "systems-manager/latest/userguide/cross-service-confused-deputy-prevention.html",
        "states.amazonaws.com": "step-functions/latest/dg/procedure-create-iam-role.html",
        "transfer.amazonaws.com": "transfer/latest/userguide/confused-deputy.html",
        "vpc-flow-logs.amazonaws.com": "vpc/latest/userguide/flow-logs-iam-role.html",
    }.items()
}  # fmt: skip

_TRAIL = "awscloudtrail/latest/userguide/cross-service-confused-deputy-prevention.html"
_LAMBDA = "lambda/latest/dg/permissions-function-services.html"
_SNS = "sns/latest/dg/sns-access-policy-use-cases.html"
_NOTIFICATIONS = "AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html"
_LOG_DELIVERY = "AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html"

# The services that send the keys when they use a resource, by the service of the resource.
_RESOURCE_SOURCES: Mapping[str, Mapping[str, str]] = {
    "ecr": {
        "codebuild.amazonaws.com": "codebuild/latest/userguide/sample-ecr.html",
        "lambda.amazonaws.com": "lambda/latest/dg/images-create.html",
    },
    "kms": {
        "cloudfront.amazonaws.com":
            "AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
        "cloudtrail.amazonaws.com": "awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html",
        "config.amazonaws.com": "config/latest/developerguide/s3-kms-key-policy.html",
        "delivery.logs.amazonaws.com": _LOG_DELIVERY,
        "guardduty.amazonaws.com": "guardduty/latest/ug/guardduty_exportfindings.html",
        "s3.amazonaws.com": _NOTIFICATIONS,
        "sns.amazonaws.com": "sns/latest/dg/sns-key-management.html",
    },
    "lambda": {
        "apigateway.amazonaws.com": _LAMBDA,
        "cognito-idp.amazonaws.com": _LAMBDA,
        "config.amazonaws.com": "config/latest/developerguide/evaluate-config_develop-rules_lambda-functions.html",
        "events.amazonaws.com": "eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html",
        "iot.amazonaws.com": "iot/latest/developerguide/cross-service-confused-deputy-prevention.html",
        "logs.amazonaws.com": "AmazonCloudWatch/latest/logs/SubscriptionFilters.html",
        "s3.amazonaws.com": "lambda/latest/dg/with-s3.html",
        "secretsmanager.amazonaws.com":
            "secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html",
        "ses.amazonaws.com": "ses/latest/dg/receiving-email-permissions.html",
        "sns.amazonaws.com": _LAMBDA,
    },
    "s3": {
        "appstream.amazonaws.com": "appstream2/latest/developerguide/example-elastic-fleets.html",
        "billingreports.amazonaws.com": "cur/latest/userguide/cur-s3.html",
        "cloudfront.amazonaws.com":
            "AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
        "cloudtrail.amazonaws.com": _TRAIL,
        "config.amazonaws.com": "config/latest/developerguide/s3-bucket-policy.html",
        "delivery.logs.amazonaws.com": _LOG_DELIVERY,
        "guardduty.amazonaws.com": "guardduty/latest/ug/guardduty_exportfindings.html",
        "logging.s3.amazonaws.com": "AmazonS3/latest/userguide/enable-server-access-logging.html",
        "s3.amazonaws.com": "AmazonS3/latest/userguide/configure-inventory.html",
        "ses.amazonaws.com": "ses/latest/dg/receiving-email-permissions.html",
    },
    "sns": {
        "budgets.amazonaws.com": "cost-management/latest/userguide/cross-service-confused-deputy-prevention.html",
        "cloudtrail.amazonaws.com": "awscloudtrail/latest/userguide/cloudtrail-permissions-for-sns-notifications.html",
        "cloudwatch.amazonaws.com": _SNS,
        "codestar-notifications.amazonaws.com":
            "dtconsole/latest/userguide/security_confused_deputy.html",
        "config.amazonaws.com": "config/latest/developerguide/sns-topic-policy.html",
        "events.amazonaws.com": "eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html",
        "s3.amazonaws.com": _NOTIFICATIONS,
        "ses.amazonaws.com": "ses/latest/dg/receiving-email-permissions.html",
    },
    "sqs": {
        "events.amazonaws.com": "eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html",
        "s3.amazonaws.com": _NOTIFICATIONS,
        "sns.amazonaws.com": "sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html",
    },
}  # fmt: skip


def source_page(service: str, resource_service: str) -> str:
    """Return the page that says that a service sends the keys; empty if none is known.

    Args:
        service: the service principal, such as ``s3.amazonaws.com``.
        resource_service: the service of the resource, such as ``sqs``; ``iam`` for a role.

    >>> source_page("s3.amazonaws.com", "sqs").rpartition("/")[2]
    'grant-destinations-permissions-to-s3.html'
    >>> source_page("ec2.amazonaws.com", "iam")
    ''
    """
    if resource_service == "iam":
        return ROLE_SOURCES.get(service, "")
    page = _RESOURCE_SOURCES.get(resource_service, {}).get(service, "")
    return f"{_DOCS}/{page}" if page else ""
