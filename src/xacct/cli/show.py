"""``xacct show``: a grant, and what differs from it on its resources."""

from __future__ import annotations

from typing import Literal

from xacct import CrossAccountAccess, load_access
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.options import Region, TrustedProfile, TrustingProfile
from xacct.cli.sessions import open_session
from xacct.cli.terminal import print_json, print_text
from xacct.errors import InvalidValue

__all__ = ["command"]


def command(
    name: str,
    /,
    *,
    trusting_profile: TrustingProfile,
    trusted_profile: TrustedProfile,
    region: Region = None,
    format: Literal["table", "json"] = "table",
) -> int:
    """Show a grant, and what differs from it on its resources.

    The exit code is 3 if somebody has changed what the grant made.

    Example: xacct show reports --trusting-profile production --trusted-profile development

    Args:
        name: The grant's name, as xacct list shows it.
        format: How to print it.
    """
    access = load_access(open_session(trusting_profile, region), open_session(trusted_profile, region), name)
    drift = access.drift
    if format == "json":
        print_json({
            "name": access.name,
            "switch_role_link": _link(access),
            "trust": access.trust.to_dict(),
            "dev_access": access.dev_access.to_dict(),
            "drift": [change.to_dict() for change in drift],
        })  # fmt: skip
    else:
        print_text("\n".join(f"{title:<18} {value}" for title, value in _lines(access) if value))
        if drift:
            print_text("\n".join(["", "Changed by somebody else:", *(f"  {change}" for change in drift)]))
    return CHANGES if drift else FINE


def _lines(access: CrossAccountAccess) -> list[tuple[str, str]]:
    trust, user = access.trust, access.dev_access.console_user
    conditions = [
        "MFA" if trust.needs_mfa else "",
        "an external ID" if trust.external_id else "",
        f"organization {trust.organization_id}" if trust.organization_id else "",
        f"addresses {', '.join(trust.source_ips)}" if trust.source_ips else "",
    ]
    return [
        ("name", access.name),
        ("role", access.role_arn),
        ("trusts", ", ".join(principal.value for principal in trust.principals)),
        ("requires", ", ".join(filter(None, conditions))),
        ("permissions", ", ".join([*trust.managed_policy_arns, *(f"inline policy {name}" for name in trust.policies)])),
        ("policy", access.dev_access.policy_arn),
        ("attached to", ", ".join([*access.dev_access.users, *access.dev_access.groups, *access.dev_access.roles])),
        ("console user", user.name if user else ""),
        ("expires", "never" if access.expires is None else access.expires.isoformat()),
        ("switch-role link", _link(access) or ""),
    ]


def _link(access: CrossAccountAccess) -> str | None:
    try:
        return access.switch_role_link.url
    except InvalidValue:  # the console cannot switch to the role
        return None
