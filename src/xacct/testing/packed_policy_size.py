"""How much of a session token its policies and tags take.

AWS packs them in a form that it does not publish, so this is an estimate, and a rough one. Two things guide it: the
sample of AssumeRole in botocore's examples, where a policy of 117 characters with three short tags takes 8 %, and a
report that the six tags of an EKS pod take 74 %. The report does not say how long they are; here they are taken for
some 300 characters.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (PackedPolicySize) and
https://github.com/aws/containers-roadmap/issues/2413
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from xacct.testing.error_responses import Refused, invalid
from xacct.testing.http_messages import Call

__all__ = ["packed_policy_size"]

_LONGEST = 2048
_PERCENT_OF_POLICY, _PERCENT_OF_TAGS = 0.06, 0.25


def packed_policy_size(call: Call, tags: Mapping[str, str]) -> int:
    """How much of the allotted space a session takes, in percent.

    Args:
        call: sts:AssumeRole.
        tags: the session's, those included that passed on to it.

    Raises:
        Refused: it is more than there is, or the policies are too long as they are.
    """
    text = call.text("Policy")
    arns = sum(len(entry["arn"]) for entry in call.params.get("PolicyArns") or ())
    if len(text) + arns > _LONGEST:
        raise invalid(text, "policy", f"have length less than or equal to {_LONGEST - arns}")
    compact = len("".join(text.split())) + arns
    percent = math.ceil(
        _PERCENT_OF_POLICY * compact + _PERCENT_OF_TAGS * sum(len(key) + len(value) for key, value in tags.items())
    )
    if percent > 100:
        what = "Packed policy" if compact else "Packed size of session tags"
        ending = ", please use smaller policy." if compact else "."
        raise Refused("PackedPolicyTooLarge", f"{what} consumes {percent}% of allotted space{ending}")
    return percent
