"""Measure policy decisions per second, and the time to compile 10,000 statements.

The budgets are at least 30,000 decisions per second, and at most 2 seconds.
"""

from __future__ import annotations

import time

from xacct.authz import AccessRequest, PolicySet, evaluate_many
from xacct.policy import Condition, PolicyDocument, Principal, Statement

TRUSTED, TRUSTING = "222222222222", "111111111111"
ROLE = f"arn:aws:iam::{TRUSTING}:role/Reader"
COUNT = 50_000


def policies() -> PolicySet:
    """Return five policies with conditions: identity, trust, boundary, SCP and RCP."""
    mfa = Condition("Bool", "aws:MultiFactorAuthPresent", "true")
    everything = Statement.allow("*", "*")
    elsewhere = Condition("StringNotEqualsIfExists", "aws:RequestedRegion", ("eu-central-1", "eu-west-1"))
    outside = Condition("StringNotEquals", "aws:PrincipalOrgID", "o-aaaaaaaaaa")
    external = Condition("StringEquals", "sts:ExternalId", "x1")
    here = Condition("IpAddress", "aws:SourceIp", ("10.0.0.0/8", "192.0.2.0/24"))
    trust = Statement.allow("sts:AssumeRole", principals=[Principal.account(TRUSTED)], conditions=[external, mfa])
    deny = Statement.deny("*", "*", principals=[Principal.anyone()], conditions=[outside])
    return PolicySet(
        identity=[PolicyDocument([Statement.allow("sts:AssumeRole", f"arn:aws:iam::{TRUSTING}:role/*")])],
        resource=PolicyDocument([trust]),
        boundary=PolicyDocument([Statement.allow(["sts:*", "s3:Get*"], "*", conditions=[here])]),
        scps=[[PolicyDocument([everything, Statement.deny("*", "*", conditions=[elsewhere])])]],
        rcps=[[PolicyDocument([deny])]],
    )


def main() -> None:
    """Measure decisions without the set-up, best of five rounds, and then compilation."""
    compiled = policies()
    context = {
        "sts:ExternalId": "x1",
        "aws:MultiFactorAuthPresent": "true",
        "aws:SourceIp": "192.0.2.7",
        "aws:RequestedRegion": "eu-west-1",
        "aws:PrincipalOrgID": "o-aaaaaaaaaa",
    }
    user = f"arn:aws:iam::{TRUSTED}:user/dev"
    request = AccessRequest(principal=user, action="sts:AssumeRole", resource=ROLE, context=context)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        allowed = sum(decision.allowed for decision in evaluate_many([request] * COUNT, compiled))
        best = max(best, COUNT / (time.perf_counter() - start))
        assert allowed == COUNT
    print(f"{best:,.0f} decisions per second; budget: at least 30,000")
    many = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::b{i}/*",
             "Condition": {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{i}*"}}}
            for i in range(10_000)
        ],
    }  # fmt: skip
    start = time.perf_counter()
    PolicySet(identity=[many])
    print(f"{time.perf_counter() - start:.2f} s to parse and compile 10,000 statements; budget: at most 2 s")


if __name__ == "__main__":
    main()
