"""``xacct revoke``: the removal of a grant from both accounts."""

from __future__ import annotations

from xacct import load_access
from xacct.cli.exit_codes import FINE
from xacct.cli.options import Region, TrustedProfile, TrustingProfile, Yes
from xacct.cli.sessions import open_session
from xacct.cli.terminal import changes_shown, confirm, print_text, say

__all__ = ["command"]


def command(
    name: str,
    /,
    *,
    trusting_profile: TrustingProfile,
    trusted_profile: TrustedProfile,
    region: Region = None,
    yes: Yes = False,
) -> int:
    """Remove everything that a grant created.

    What xacct did not create stays. If a step fails, or after Ctrl-C, run the command again: it continues.

    Example: xacct revoke reports --trusting-profile production --trusted-profile development

    Args:
        name: The grant's name, as xacct list shows it.
    """
    sessions = open_session(trusting_profile, region), open_session(trusted_profile, region)
    access = load_access(*sessions, name)
    user = access.dev_access.console_user
    say(f"- role {access.role_arn}")
    say(f"- policy {access.dev_access.policy_arn}")
    if user is not None:
        say(f"- console user {user.name}, unless another grant has it too")
    confirm("Remove these", yes=yes)
    with changes_shown() as watch:
        removed = access.revoke(on_event=watch)
    for change in removed:
        print_text(str(change))
    return FINE
