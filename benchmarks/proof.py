"""Measure the offline proof: the tutorial's grant, and how the search grows with conditions and statements."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any

from xacct import Condition, PolicyDocument, Principal, Statement, TrustGrant, s3_read_policy
from xacct.proof import prove_with_policies

TRUSTING, TRUSTED = "111111111111", "222222222222"
BUDGET_MS = 50.0
RUNS = 7
# What AWS's policy of this name allowed when the benchmark was written.
S3_READ = PolicyDocument(
    [Statement.allow(["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"], "*")]
)
S3_READ_ARN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def best_ms(run: Callable[[], object]) -> float:
    """Return the shortest time of several runs, in milliseconds."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def main() -> int:
    """Print the times, and fail if the tutorial's grant takes longer than its budget."""
    tutorial = TrustGrant(account=TRUSTING, principals=TRUSTED, managed_policy_arns=[S3_READ_ARN])
    began = time.perf_counter()
    prove_with_policies(tutorial, {S3_READ_ARN: S3_READ})
    first = (time.perf_counter() - began) * 1000
    again = best_ms(lambda: prove_with_policies(tutorial, {S3_READ_ARN: S3_READ}))
    print(f"the tutorial's grant: {again:.1f} ms, best of {RUNS} (budget {BUDGET_MS:.0f} ms)")
    print(f"the first proof of a process, which loads AWS's reference: {first:.1f} ms")

    conditions: dict[str, Any] = {
        "external_id": "acme-42",
        "mfa_max_age": 600,
        "source_ips": ["192.0.2.0/24", "2001:db8::/32"],
        "session_tags": {"team": ["data", "web-*"]},
        "source_identity": ["*@example.com"],
        "expires": datetime(2099, 1, 1, tzinfo=timezone.utc),
    }
    print("conditions of the grant, and the time of its proof:")
    for number in range(len(conditions) + 1):
        some = dict(list(conditions.items())[:number])
        grant = TrustGrant(account=TRUSTING, principals=TRUSTED, policies={"read": s3_read_policy(["reports"])}, **some)
        print(f"  {number:>3} conditions {best_ms(partial(prove_with_policies, grant, {})):>8.1f} ms")
    print("principals with a condition of their own, and the time of the proof:")
    for number in (1, 4, 12):
        principals = [
            Principal("AWS", f"{TRUSTED[:-2]}{n:02}", [Condition("StringEquals", "aws:PrincipalTag/team", f"t{n}")])
            for n in range(number)
        ]
        grant = TrustGrant(account=TRUSTING, principals=principals, policies={"read": s3_read_policy(["reports"])})
        print(f"  {number:>3} principals {best_ms(partial(prove_with_policies, grant, {})):>8.1f} ms")
    return 0 if again <= BUDGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
