"""An estimate of PackedPolicySize: the share of a session token that session policies and session tags take.

AWS does not publish its packed format, so this is a rough estimate from two data points. In botocore's AssumeRole
example, a policy of 117 characters and three short tags take 8 %. A report says that the six session tags of an EKS pod
take 74 %. It does not give their length, which is assumed to be 300 characters.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (PackedPolicySize) and
https://github.com/aws/containers-roadmap/issues/2413
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from xacct.limits import SESSION_POLICY_CHARACTERS
from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Call

__all__ = ["packed_policy_size"]

_PERCENT_PER_POLICY_CHARACTER, _PERCENT_PER_TAG_CHARACTER = 0.06, 0.25


def packed_policy_size(call: Call, tags: Mapping[str, str]) -> int:
    """Return the estimated size of a session's policies and tags, in percent of the limit.

    Args:
        call: a call of sts:AssumeRole.
        tags: the session's tags, including those inherited from the calling session.

    Raises:
        Refused: the session policies are too long, or the packed size exceeds 100 %.
    """
    policy = call.text("Policy")
    arns = sum(len(entry["arn"]) for entry in call.params.get("PolicyArns") or ())
    if len(policy) + arns > SESSION_POLICY_CHARACTERS:
        raise invalid(policy, "policy", f"have length less than or equal to {SESSION_POLICY_CHARACTERS - arns}")
    policy_characters = len("".join(policy.split())) + arns
    tag_characters = sum(len(key) + len(value) for key, value in tags.items())
    percent = math.ceil(_PERCENT_PER_POLICY_CHARACTER * policy_characters + _PERCENT_PER_TAG_CHARACTER * tag_characters)
    if percent > 100:
        subject = "Packed policy" if policy_characters else "Packed size of session tags"
        ending = ", please use smaller policy." if policy_characters else "."
        raise Refused("PackedPolicyTooLarge", f"{subject} consumes {percent}% of allotted space{ending}")
    return percent
