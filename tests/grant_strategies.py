"""Hypothesis strategies of valid grants, policies and principals, with most fields."""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from hypothesis import assume, strategies as st

from xacct.console_user import ConsoleUser
from xacct.errors import PolicyError
from xacct.grants import DevAccessGrant, TrustGrant
from xacct.policy import Condition, PolicyDocument, Principal, Statement

__all__ = ["conditions", "console_users", "dev_access_grants", "identity_policies", "principals", "trust_grants"]

Draw = Callable[[st.SearchStrategy[Any]], Any]

_NAME = string.ascii_letters + string.digits + "+=,.@_-"
_LATIN = st.characters(min_codepoint=0xA1, max_codepoint=0xFF)
# No w and x, so that no key begins with aws: or xacct:.
_TAG_CHARACTERS = "abAB1 _.:/=+-@éß日"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")

names = st.text(_NAME, min_size=1, max_size=12)
paths = st.sampled_from(["/", "/team/", "/a/b!/"])
# The roles of the grants are in accounts that begin with 1, so that no role trusts itself.
trusting_accounts = st.integers(100_000_000_000, 199_999_999_999).map(str)
trusted_accounts = st.integers(0, 99_999_999_999).map(lambda number: f"{number:012}")
organizations = st.text(string.ascii_lowercase + string.digits, min_size=10, max_size=12).map("o-{}".format)
expiries = st.none() | st.integers(1_000_000_000, 4_000_000_000).map(
    lambda second: datetime.fromtimestamp(second, timezone.utc)
)
descriptions = st.text(st.sampled_from("\t\n\r") | st.characters(min_codepoint=0x20, max_codepoint=0x7E) | _LATIN)
tag_values = st.text(_TAG_CHARACTERS, max_size=10)
tag_keys = st.lists(st.text(_TAG_CHARACTERS, min_size=1, max_size=10), unique_by=str.lower, max_size=4)
external_ids = st.text(_NAME + ":/", min_size=2, max_size=40)
networks = st.builds(
    lambda address, bits: str(ipaddress.ip_network((address, bits), strict=False)),
    st.ip_addresses(),
    st.integers(8, 32),
)


def tags() -> st.SearchStrategy[dict[str, str]]:
    """Return a strategy of tags that a grant can have."""
    return tag_keys.flatmap(lambda keys: st.fixed_dictionaries(dict.fromkeys(keys, tag_values)))


def conditions(keys: tuple[str, ...] = ("aws:PrincipalArn", "aws:PrincipalTag/team")) -> st.SearchStrategy[Any]:
    """Return a strategy of up to two conditions, in any order, with different context keys."""
    # No policy variables: their context keys would have to exist.
    texts = st.text(string.printable + "é", max_size=8).filter(lambda text: "${" not in text)
    values = st.lists(texts, min_size=1, max_size=3)
    operators = st.sampled_from(["StringLike", "StringNotEqualsIfExists", "ForAnyValue:StringEquals"])
    one = st.builds(Condition, operators, st.sampled_from(keys), values)
    return st.lists(one, max_size=2, unique_by=lambda condition: condition.key).map(tuple)


def principals(partition: str = "aws", *, anyone: bool = False) -> st.SearchStrategy[Principal]:
    """Return a strategy of the principals that a grant can trust, of every kind, with and without conditions.

    Args:
        partition: their partition.
        anyone: whether everyone is one of them, which a grant can trust only with an organization id.
    """
    session = st.builds(
        lambda account, role, name: Principal("AWS", f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"),
        trusted_accounts,
        names,
        names,
    )
    plain = [
        trusted_accounts.map(Principal.parse),
        st.builds(Principal.account, trusted_accounts, st.just(partition)),
        st.builds(Principal.user, trusted_accounts, names, paths, st.just(partition)),
        st.builds(Principal.role, trusted_accounts, names, paths, st.just(partition)),
        session,
        *([st.just(Principal.anyone())] if anyone else []),
    ]
    services = st.sampled_from(["lambda.amazonaws.com", "ec2.amazonaws.com.cn", "c2s.ic.gov"]).map(Principal.service)
    special = [
        st.builds(Principal.permission_set, trusted_accounts, names, st.just(partition)),
        organizations.map(Principal.organization),
        services,
        # No service that is known by its name, so the kind has to be said.
        st.builds(Principal, st.just("Service"), names.map("service:{}".format)),
    ]
    narrowed = st.builds(lambda one, own: Principal(one.kind, one.value, own), st.one_of(plain), conditions())
    return st.one_of(*plain, *special, narrowed)


def identity_policies() -> st.SearchStrategy[PolicyDocument]:
    """Return a strategy of identity policies."""
    actions = st.lists(st.sampled_from(["s3:GetObject", "s3:List*", "S3:getobject", "kms:Decrypt", "*"]), min_size=1)
    resources = st.lists(st.sampled_from(["*", "arn:aws:s3:::reports", "arn:aws:s3:::reports/*"]), min_size=1)
    statements = st.builds(
        lambda effect, has, covers, **rest: Statement(effect=effect, **{has[0]: has[1], covers[0]: covers[1]}, **rest),
        st.sampled_from(["Allow", "Deny"]),
        st.tuples(st.sampled_from(["actions", "not_actions"]), actions),
        st.tuples(st.sampled_from(["resources", "not_resources"]), resources),
        conditions=conditions(),
        sid=st.none() | st.text(string.ascii_letters, min_size=1, max_size=5),
    )
    return st.builds(
        PolicyDocument,
        st.lists(statements, min_size=1, max_size=3, unique_by=lambda statement: statement.sid or id(statement)),
        st.sampled_from(["2012-10-17", "2008-10-17"]),
        st.none() | names,
    )


def managed_policies(account: str, partition: str) -> st.SearchStrategy[str]:
    """Return a strategy of the ARNs of managed policies that can be attached in an account."""
    owners = st.sampled_from(["aws", account])
    return st.builds(lambda owner, path, name: f"arn:{partition}:iam::{owner}:policy{path}{name}", owners, paths, names)


def console_users(account: str, partition: str) -> st.SearchStrategy[ConsoleUser]:
    """Return a strategy of console users, with and without a password."""
    return st.builds(
        ConsoleUser,
        names,
        st.none() | st.text(string.ascii_letters, min_size=8, max_size=20),
        st.booleans(),
        st.lists(managed_policies(account, partition), max_size=3),
    )


# What AWS services cannot meet: a grant for services only has none of it.
CONDITIONS_OF_CALLERS = frozenset(
    {"external_id", "mfa_max_age", "require_mfa", "organization_id", "session_tags", "source_identity", "source_ips"}
)


@st.composite
def trust_grants(
    draw: Draw, account: str | None = None, partition: str | None = None, **fields: st.SearchStrategy[Any]
) -> TrustGrant:
    """Draw a valid TrustGrant.

    Args:
        draw: draws a value.
        account: the trusting account; any if not given.
        partition: the partition; any if not given.
        fields: strategies in place of those of some fields.
    """
    account = account or draw(trusting_accounts)
    partition = partition or draw(st.sampled_from(PARTITIONS))
    organization = draw(st.none() | organizations)
    managed = fields.pop("managed_policy", managed_policies(account, partition))
    arns = draw(st.lists(managed, max_size=3))
    patterns = st.lists(st.text(_NAME + "*?", min_size=1, max_size=8), min_size=1, max_size=2)
    options = {
        "principals": st.lists(principals(partition, anyone=organization is not None), min_size=1, max_size=4),
        "policies": st.dictionaries(names, identity_policies(), min_size=0 if arns else 1, max_size=2),
        "permissions_boundary": st.none() | managed,
        "external_id": st.none() | external_ids,
        "mfa_max_age": st.none() | st.integers(1, 129_600),
        "max_session_duration": st.integers(3600, 43_200),
        "session_tags": st.dictionaries(names, patterns, max_size=2),
        "source_identity": st.just([]) | patterns,
        "source_ips": st.lists(networks, max_size=2),
        "role_name": st.just("CrossAccountRoleS3") | names,
    }
    values = {
        "organization_id": organization,
        "may_write": draw(fields.pop("may_write", st.booleans())),
        "require_mfa": draw(st.booleans()),
        **_drawn(draw, options | _SHARED | fields),
    }
    if all(principal.kind == "Service" for principal in values["principals"]):
        values = {name: value for name, value in values.items() if name not in CONDITIONS_OF_CALLERS}
    try:
        return TrustGrant(account=account, partition=partition, managed_policy_arns=arns, **values)
    except PolicyError:
        # Too long, or the same condition on two levels.
        assume(False)
        raise


@st.composite
def dev_access_grants(
    draw: Draw, account: str | None = None, partition: str | None = None, **fields: st.SearchStrategy[Any]
) -> DevAccessGrant:
    """Draw a valid DevAccessGrant.

    Args:
        draw: draws a value.
        account: the trusted account; any if not given.
        partition: the partition; any if not given.
        fields: strategies in place of those of some fields.
    """
    account = account or draw(trusted_accounts)
    partition = partition or draw(st.sampled_from(PARTITIONS))
    roles = st.builds(
        lambda owner, path, name: f"arn:{partition}:iam::{owner}:role{path}{name}", trusting_accounts, paths, names
    )
    user = draw(fields.pop("console_user", st.none() | console_users(account, partition)))
    options = {
        "role_arns": st.lists(roles, min_size=1, max_size=3),
        "policy_name": st.just("CrossAccountPolicy") | names,
        "users": st.lists(names.filter(lambda name: user is None or name != user.name), max_size=3),
        "groups": st.lists(names, max_size=3),
        "roles": st.lists(names, max_size=3),
        "session_tags": st.booleans(),
        "source_identity": st.booleans(),
    }
    return DevAccessGrant(
        account=account, partition=partition, console_user=user, **_drawn(draw, options | _SHARED | fields)
    )


# Fields of both grants. None leaves the default.
_SHARED: dict[str, st.SearchStrategy[Any]] = {
    "name": st.none() | names,
    "path": paths,
    "description": st.none() | descriptions,
    "tags": tags(),
    "expires": expiries,
}


def _drawn(draw: Draw, options: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    drawn = {name: draw(strategy) for name, strategy in options.items()}
    return {name: value for name, value in drawn.items() if value is not None}
