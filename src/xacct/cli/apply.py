"""``xacct apply``: makes the changes for the grants in a file."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from xacct import Change, DevAccessGrant, GrantsFile, GrantsPlan, TrustGrant
from xacct.cli.exit_codes import FINE
from xacct.cli.options import Accept, Adopt, Yes
from xacct.cli.plan_output import refuse_lost_password, say_summary
from xacct.cli.terminal import changes_shown, confirm, print_json, print_table, print_text, say
from xacct.errors import GrantsFailed, InvalidValue

__all__ = ["command"]

_COLUMNS = ("trusting", "trusted", "name", "role_arn", "policy_arn", "console_user")


def command(
    file: Path,
    /,
    *,
    plan: Path | None = None,
    yes: Yes = False,
    adopt: Adopt = False,
    accept: Accept = (),
    on_error: Literal["raise", "collect"] = "raise",
    show_password: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    format: Literal["table", "json"] = "table",
) -> int:
    """Make the changes for the grants in a file, after it has shown them.

    A second run changes nothing. If a step fails, or after Ctrl-C, the changes
    between the same two accounts are rolled back; run the command again to
    continue. A grant that is not in the file any more stays: xacct revoke
    removes it.

    Example: xacct apply grants.toml --plan plan.json --yes

    Args:
        file: The grants file, in TOML, JSON or YAML; xacct schema describes it.
        plan: A plan that xacct plan --out saved. The changes are made only if they are still the same.
        on_error: What a grant that fails does to the others: raise stops, collect goes on with them.
        show_password: Print the generated passwords of console users. They are stored nowhere else.
        format: How to print the result.
    """
    proposed = GrantsFile.read(file).plan(adopt=adopt, on_error=on_error)
    if plan is not None:
        proposed.check_saved(_saved(plan))
    refuse_lost_password(proposed, "console_user", show_password=show_password)
    if not proposed.is_empty:
        say(str(proposed))
        say_summary(proposed)
        confirm("Make these changes", yes=yes)
    try:
        with changes_shown(len(proposed.changes)) as watch:
            changes = proposed.apply(accept=accept, on_event=watch)
    except (GrantsFailed, KeyboardInterrupt):
        # A password that is not printed now is lost.
        if proposed.in_effect:
            _print(proposed, (), format, show_password=show_password, only=proposed.in_effect)
        raise
    _print(proposed, changes, format, show_password=show_password)
    return FINE


def _saved(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidValue("--plan", str(path), f"a file that xacct plan --out wrote: {error}") from None
    if not isinstance(data, dict):
        raise InvalidValue("--plan", str(path), "a file that xacct plan --out wrote")
    return data


def _print(
    plan: GrantsPlan,
    changes: Collection[Change],
    format: str,
    *,
    show_password: bool,
    only: Collection[str] | None = None,
) -> None:
    """Print what the user needs to use the grants.

    Args:
        plan: the plan.
        changes: the changes that were made.
        format: how.
        show_password: whether to print generated passwords.
        only: the names of the grants to print; None for all.
    """
    grants = [grant for label, grant in _grants(plan, show_password=show_password) if only is None or label in only]
    if format == "json":
        print_json({"grants": grants, "changes": [change.to_dict() for change in changes]})
        return
    print_table(
        [name.replace("_", " ") for name in _COLUMNS], [[grant.get(name, "-") for name in _COLUMNS] for grant in grants]
    )
    for grant in grants:
        if "switch_role_link" in grant:
            print_text(f"switch role link of {grant['name']}: {grant['switch_role_link']}")
    for user, password in {grant["console_user"]: grant["password"] for grant in grants if "password" in grant}.items():
        print_text(f"password of {user}: {password}")


def _grants(plan: GrantsPlan, *, show_password: bool) -> list[tuple[str, dict[str, str]]]:
    found: dict[str, dict[str, str]] = {}
    for pair in plan.pairs:
        for grant in pair.plan.grants:
            about = found.setdefault(
                pair.label_of(grant.name), {"trusting": pair.trusting, "trusted": pair.trusted, "name": grant.name}
            )
            if isinstance(grant, TrustGrant):
                about["role_arn"] = grant.role_arn
                if grant.role_arn in pair.switch_role_links:
                    about["switch_role_link"] = pair.switch_role_links[grant.role_arn].url
            elif isinstance(grant, DevAccessGrant):
                about["policy_arn"] = grant.policy_arn
                if grant.console_user is not None:
                    about["console_user"] = grant.console_user.name
                    password = plan.password_of(pair.trusted, grant.console_user.name) if show_password else None
                    about |= {} if password is None else {"password": password}
    return list(found.items())
