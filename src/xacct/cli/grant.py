"""``xacct grant``: read access to S3 for another account, in both accounts."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Literal

from cyclopts import Parameter

from xacct import ConsoleUser, ReadGrant, TrustGrant, grant_cross_account_read
from xacct.cli.exit_codes import CHANGES, FINE
from xacct.cli.options import Accept, Adopt, Region, TrustedProfile, TrustingProfile, Yes
from xacct.cli.plan_output import print_plan, refuse_lost_password
from xacct.cli.sessions import open_session
from xacct.cli.terminal import changes_shown, confirm, print_json, print_text, say
from xacct.cli.values import tags_from, time_from
from xacct.errors import InvalidValue
from xacct.reconcile import Plan

__all__ = ["command"]

_Many = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]
_Flag = Annotated[bool, Parameter(negative="", show_default=False)]


def command(
    *,
    trusting_profile: TrustingProfile,
    trusted_profile: TrustedProfile,
    region: Region = None,
    name: str | None = None,
    bucket: _Many = (),
    prefix: _Many = (),
    versions: _Flag = False,
    role_name: str = "CrossAccountRoleS3",
    policy_name: str = "CrossAccountPolicy",
    path: str = "/",
    principal: _Many = (),
    group: _Many = (),
    console_user: str | None = None,
    console_user_policy: _Many = (),
    show_password: _Flag = False,
    external_id: str | None = None,
    third_party: bool | None = None,
    require_mfa: _Flag = False,
    organization_id: str | None = None,
    source_ip: _Many = (),
    expires: Annotated[datetime | None, Parameter(converter=time_from)] = None,
    max_session_duration: int = 3600,
    permissions_boundary: str | None = None,
    display_name: str | None = None,
    color: str | None = None,
    tag: _Many = (),
    adopt: Adopt = False,
    accept: Accept = (),
    dry_run: _Flag = False,
    yes: Yes = False,
    format: Literal["table", "json"] = "table",
) -> int:
    """Give an account read access to S3 in another account.

    Creates a role in the trusting account and a policy in the trusted account,
    after it has shown the changes. A second run with the same options changes
    nothing.

    Example: xacct grant --trusting-profile production --trusted-profile development --bucket reports

    Args:
        name: The grant's name, by which it is found later; default: the role's name and the trusted account's ID.
        bucket: A bucket that can be read. Repeat for several; without it, all buckets can be read.
        prefix: A prefix of the keys that can be read in each bucket. Repeat for several.
        versions: Old versions of objects, and tags, can be read too.
        role_name: The role's name.
        policy_name: The name of the policy that allows assuming the role.
        path: The path of the role and of the policy.
        principal: The ARN of a user or role of the trusted account that can assume the role. Repeat for several;
            without it, everybody in that account who has the policy.
        group: A group of the trusted account that gets the policy. Repeat for several.
        console_user: A user to create in the trusted account, with the policy and a generated password.
        console_user_policy: The ARN of another managed policy for that user. Repeat for several.
        show_password: Print the generated password of the console user. It is stored nowhere else.
        external_id: The external ID that callers must send. The console cannot send one.
        third_party: The trusted account belongs to somebody else, so an external ID is required.
        require_mfa: Callers must have signed in with MFA.
        organization_id: The ID of the AWS organization that callers must belong to.
        source_ip: A network from which the role can be assumed, such as 192.0.2.0/24. Repeat for several.
        expires: When the access ends, such as 2027-03-31T12:00:00Z.
        max_session_duration: The maximum length of a session: 3600 to 43200 seconds.
        permissions_boundary: The ARN of the managed policy that is the role's permissions boundary.
        display_name: The name that the console shows after switching to the role.
        color: The color of that name: blue, green, orange, red, yellow or RRGGBB.
        tag: A tag for everything that is created, as KEY=VALUE. Repeat for several.
        dry_run: Show the changes and make none; the exit code is 3 if there are any.
        format: How to print the result.
    """
    _check_console_options(console_user, console_user_policy, show_password=show_password)
    user = None if console_user is None else ConsoleUser(console_user, managed_policy_arns=console_user_policy)
    plan = grant_cross_account_read(
        open_session(trusting_profile, region),
        open_session(trusted_profile, region),
        name=name,
        buckets=bucket,
        prefixes=prefix,
        versions=versions,
        role_name=role_name,
        policy_name=policy_name,
        path=path,
        principals=principal,
        groups=group,
        console_user=user,
        external_id=external_id,
        third_party=third_party,
        require_mfa=require_mfa,
        organization_id=organization_id,
        source_ips=source_ip,
        expires=expires,
        max_session_duration=max_session_duration,
        permissions_boundary=permissions_boundary,
        display_name=display_name,
        color=color,
        tags=tags_from(tag),
        adopt=adopt,
        accept=accept,
        dry_run=True,
    )
    if dry_run:
        print_plan(plan, format)
        return FINE if plan.is_empty else CHANGES
    refuse_lost_password(plan, "--console-user", show_password=show_password)
    if not plan.is_empty:
        say(str(plan))
        confirm("Make these changes", yes=yes)
    with changes_shown(len(plan.changes)) as watch:
        changes = plan.apply(accept=accept, on_event=watch)
    result = _result(plan, display_name, color, show_password=show_password)
    if format == "json":
        print_json({**result, "changes": [change.to_dict() for change in changes]})
    else:
        print_text("\n".join(f"{title.replace('_', ' '):<16} {value}" for title, value in result.items()))
    return FINE


def _check_console_options(user: str | None, policies: tuple[str, ...], *, show_password: bool) -> None:
    if user is None and (policies or show_password):
        raise InvalidValue(
            "--console-user", None, "--console-user-policy and --show-password need the name of a console user"
        )


def _result(plan: Plan, display_name: str | None, color: str | None, *, show_password: bool) -> dict[str, str]:
    """Return what the user needs to use the grant."""
    (trust,) = (grant for grant in plan.grants if isinstance(grant, TrustGrant))
    result = {"name": trust.name, "role_arn": trust.role_arn}
    with suppress(InvalidValue):  # the console cannot switch to the role
        link = ReadGrant(display_name=display_name, color=color).switch_role_link(trust)
        result["switch_role_link"] = link.url
    if plan.console_user is not None:
        result["console_user"] = plan.console_user.name
        if show_password and plan.console_user.password is not None:
            result["password"] = plan.console_user.password
    return result
