"""A page like the console's "Switch role" page, to try a switch-role link against the sandbox.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-console.html
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

import boto3
from botocore.exceptions import ClientError
from werkzeug.wrappers import Request, Response

from xacct.errors import InvalidValue
from xacct.switch_role import SwitchRoleLink

__all__ = ["SignIn", "page"]

_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Switch role</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
label {{ display: block; margin: 1rem 0 .25rem; font-weight: 600; }}
input, select {{ width: 100%; box-sizing: border-box; padding: .5rem; font: inherit; }}
button {{ margin-top: 1.5rem; padding: .5rem 1.5rem; font: inherit; }}
.chip {{ display: inline-block; padding: .1rem .8rem; border-radius: 1rem; background: #{color}; color: #000; }}
pre {{ white-space: pre-wrap; background: #f4f4f4; padding: 1rem; }}
</style></head><body>{body}</body></html>"""


class SignIn(Protocol):
    """The accounts that the page signs in to."""

    partition: str
    region: str

    @property
    def calls(self) -> Sequence[object]:
        """The calls received so far; ``str`` of the last one explains an error."""
        ...

    def console_users(self) -> list[str]:
        """Return the ARNs of the users that can sign in."""
        ...

    def sign_in(self, principal: str) -> boto3.Session:
        """Return a session of a user."""
        ...


def page(request: Request, aws: SignIn) -> Response | None:
    """Return the response to a request for the page; None for any other request."""
    if request.path != "/switchrole":
        return None
    try:
        link = SwitchRoleLink.parse(f"https://signin.aws.amazon.com/switchrole?{request.query_string.decode()}")
    except InvalidValue as error:
        return _html(f"<h1>Switch role</h1><p>This switch-role link is not valid: {escape(str(error))}</p>", status=400)
    if request.method == "POST":
        return _html(_switch_role(link, request.form.get("user", ""), aws), color=link.color)
    return _html(_form(link, aws), color=link.color)


def _html(body: str, *, color: str | None = None, status: int = 200) -> Response:
    return Response(_HTML.format(body=body, color=color or "dddddd"), status=status, mimetype="text/html")


def _form(link: SwitchRoleLink, aws: SignIn) -> str:
    options = "".join(f"<option>{escape(arn)}</option>" for arn in aws.console_users())
    return f"""<h1>Switch role</h1><form method="post">
<label for="user">Signed in as</label><select id="user" name="user">{options}</select>
<label for="account">Account</label><input id="account" value="{escape(link.account)}" readonly>
<label for="role">Role</label><input id="role" value="{escape(link.role_name)}" readonly>
<label for="name">Display name</label><input id="name" value="{escape(_display_name(link))}" readonly>
<label>Colour</label><span class="chip">{escape(_display_name(link))}</span>
<div><button>Switch role</button></div></form>"""


def _display_name(link: SwitchRoleLink) -> str:
    return link.display_name or f"{link.role_name} @ {link.account}"


def _switch_role(link: SwitchRoleLink, user: str, aws: SignIn) -> str:
    role = f"arn:{aws.partition}:iam::{link.account}:role/{link.role_name}"
    try:
        sts = aws.sign_in(user).client("sts")
        keys = sts.assume_role(RoleArn=role, RoleSessionName=user.rsplit("/", 1)[-1])["Credentials"]
        role_session = boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=aws.region
        )
        names = [bucket["Name"] for bucket in role_session.client("s3").list_buckets()["Buckets"]]
    except InvalidValue as error:
        return f"<h1>Sign-in failed</h1><p>{escape(str(error))}</p>"
    except ClientError as error:
        return f"<h1>Switching roles failed</h1><p>{escape(str(error))}</p><pre>{escape(str(aws.calls[-1]))}</pre>"
    rows = "".join(f"<li>{escape(name)}</li>" for name in names) or "<li>none</li>"
    chip = f'<p><span class="chip">{escape(_display_name(link))}</span></p>'
    return f"{chip}<h1>Buckets of {link.account}</h1><ul>{rows}</ul>"
