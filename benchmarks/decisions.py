"""Measure decisions: per second, against large layers, as a matrix, and how the times grow with the statements.

The budgets are for a machine with nothing else to do. Each time is processor time, the best of several rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from xacct.authz import AccessRequest, PolicySet, evaluate, evaluate_many, evaluate_matrix
from xacct.policy import Condition, PolicyDocument, Principal, Statement

TRUSTED, TRUSTING = "222222222222", "111111111111"
ROLE = f"arn:aws:iam::{TRUSTING}:role/Reader"
COUNT = 5_000


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


def best(function: Callable[[], object], rounds: int = 5) -> float:
    """Return the shortest processor time of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def decisions_per_second() -> float:
    """Decide the same request under five policies, without the set-up."""
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

    def decide() -> None:
        assert sum(decision.allowed for decision in evaluate_many([request] * COUNT, compiled)) == COUNT

    return COUNT / best(decide, 15)


# Statements that differ in one element, of which the seventh matches the request.
SHAPES: dict[str, Callable[[int], Statement]] = {
    "resources": lambda i: Statement.allow(
        "s3:Get*", f"arn:aws:s3:::b{i}/*", principals=[Principal.account(TRUSTING)],
        conditions=[Condition("StringLike", "aws:PrincipalArn", f"arn:aws:iam::*:user/u{i}*")],
    ),
    "principals": lambda i: Statement.allow("s3:Get*", "*", principals=[Principal.user(TRUSTING, f"u{i}")]),
    "actions": lambda i: Statement.allow(
        "s3:GetObject" if i == 7 else f"s3:Get{i}*", "*", principals=[Principal.account(TRUSTING)]
    ),
    "conditions": lambda i: Statement.deny(
        "s3:*", "*", principals=[Principal.anyone()], conditions=[Condition("StringEquals", "aws:SourceVpc", f"v{i}")]
    ),
}  # fmt: skip


def large_layer(shape: str, size: int) -> tuple[float, float, float]:
    """Return the seconds to parse and compile statements, and those of the first and of a later decision."""
    document = {"Version": "2012-10-17", "Statement": [SHAPES[shape](i).to_dict() for i in range(size)]}
    rounds = 3 if size <= 10_000 else 1
    compile_time = best(lambda: PolicySet(resource=document), rounds)
    request = AccessRequest(
        principal=f"arn:aws:iam::{TRUSTING}:user/u7",
        action="s3:GetObject",
        resource="arn:aws:s3:::b7/k",
        resource_account=TRUSTING,
        context={"aws:SourceVpc": "vpc-none"},
    )
    first, compiled = [], PolicySet(resource=document)
    for _ in range(rounds):
        compiled = PolicySet(resource=document)
        first.append(best(lambda: evaluate(request, compiled), 1))  # noqa: B023 called at once
    return compile_time, min(first), best(lambda: evaluate(request, compiled), 20)


def matrix_time(roles: int, covered: int) -> float:
    """Return the seconds to decide 50 actions for each role, of which its policies allow some.

    Args:
        roles: how many roles there are.
        covered: how many of the 50 actions the policies of each role allow.
    """
    actions = [f"s3:Get{i}" for i in range(50)]
    principals = {
        f"arn:aws:iam::{TRUSTING}:role/r{i}": PolicySet(
            identity=[PolicyDocument([Statement.allow(actions[:covered], "arn:aws:s3:::b/*")])]
        )
        for i in range(roles)
    }
    resources = ["arn:aws:s3:::b/k"]
    accounts = dict.fromkeys(resources, TRUSTING)

    def decide() -> None:
        allowed = evaluate_matrix(principals, actions, resources, resource_accounts=accounts)
        assert sum(1 for _ in allowed) == roles * covered

    return best(decide, 3)


def main() -> None:
    """Print each measure with its budget."""
    print(f"{decisions_per_second():,.0f} decisions per second; budget: at least 100,000")
    for covered in (1, 10, 50):
        print(
            f"{matrix_time(1_000, covered):.2f} s for 1,000 roles and 50 actions, {covered} of them allowed; "
            "budget: at most 0.5 s"
        )
    print("\nstatements that differ in their      count   parse, compile   first decision    next decision")
    for shape in SHAPES:
        for size in (1_000, 10_000, 100_000):
            compile_time, first, later = large_layer(shape, size)
            print(f"{shape:30} {size:10,} {compile_time:14.2f} s {first * 1e3:13.2f} ms {later * 1e3:13.2f} ms")
    print("budgets for 10,000: at most 0.5 s to compile, at most 1 ms for a decision")


if __name__ == "__main__":
    main()
