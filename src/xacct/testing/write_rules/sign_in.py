"""Validation rules for IAM users' credentials: console passwords and MFA devices.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xacct.limits import PASSWORD
from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer
from xacct.testing.totp import are_consecutive
from xacct.testing.write_rules.write import Postprocess, Rule, Write, conflict, missing, taken

if TYPE_CHECKING:
    from moto.iam.models import AccountPasswordPolicy

__all__ = ["RULES"]

# The attribute of moto's password policy that requires a class of characters: the class, and AWS's words for it.
_CHARACTER_CLASSES = {
    "require_uppercase_characters": ("[A-Z]", "one uppercase character"),
    "require_lowercase_characters": ("[a-z]", "one lowercase character"),
    "require_numbers": ("[0-9]", "one number"),
    "require_symbols": (r"[!@#$%^&*()_+\-=\[\]{}|']", "one symbol"),
}


def _check_login_profile(write: Write) -> None:
    name = write.call.text("UserName")
    user = write.state.user(write.account, name)
    if user is None:
        return
    if write.call.operation == "CreateLoginProfile":
        if user.password:
            raise taken(f"Login Profile for user {name} already exists.")
    elif not user.password:
        raise missing(f"Login Profile for User {name} cannot be found.")
    elif write.call.operation != "GetLoginProfile":
        with write.seen():
            if not user.password:
                raise Refused(
                    "EntityTemporarilyUnmodifiable",
                    f"Login Profile for User {name} cannot be modified while login profile is being created.",
                    409,
                )
    if "Password" in write.call.params:
        policy = write.state.iam(write.account).account_password_policy
        _check_password(write.call.text("Password"), policy)


def _update_login_profile(write: Write) -> Postprocess | None:
    _check_login_profile(write)
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is None:
        return None
    password = write.call.text("Password") or user.password

    def postprocess(answer: Answer) -> Answer:
        # Moto clears the password if the call does not name one.
        user.password = password
        return answer

    return postprocess


def _check_password(password: str, policy: AccountPasswordPolicy | None) -> None:
    found = {name: re.search(pattern, password) is not None for name, (pattern, _) in _CHARACTER_CLASSES.items()}
    shortest = PASSWORD.least if policy is None else policy.minimum_password_length
    if len(password) < shortest:
        raise _weak(f"have a minimum length of {shortest}")
    if len(password) > PASSWORD.most:
        raise _weak(f"have a maximum length of {PASSWORD.most}")
    if policy is None:
        if sum(found.values()) < 3:
            raise _weak("use a mix of three of: uppercase, lowercase, numbers and symbols")
        return
    for name, (_, required) in _CHARACTER_CLASSES.items():
        if getattr(policy, name) and not found[name]:
            raise _weak(f"have at least {required}")


def _weak(rule: str) -> Refused:
    return Refused("PasswordPolicyViolation", f"Password should {rule}")


def _check_mfa_codes(write: Write) -> None:
    serial = write.call.text("SerialNumber")
    device = write.state.iam(write.account).virtual_mfa_devices.get(serial)
    if device is None:
        raise missing(f"VirtualMFADevice with serial number {serial} doesn't exist.")
    codes = write.call.text("AuthenticationCode1"), write.call.text("AuthenticationCode2")
    if not are_consecutive(*codes, seed=device.base32_string_seed, now=write.now):
        raise Refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)


def _check_device_is_unused(write: Write) -> None:
    device = write.state.iam(write.account).virtual_mfa_devices.get(write.call.text("SerialNumber"))
    if device is not None and device.user is not None:
        raise conflict("MFA VirtualDevice in use. Must deactivate first.")


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateLoginProfile"): _check_login_profile,
    ("iam", "GetLoginProfile"): _check_login_profile,
    ("iam", "UpdateLoginProfile"): _update_login_profile,
    ("iam", "DeleteLoginProfile"): _check_login_profile,
    ("iam", "EnableMFADevice"): _check_mfa_codes,
    ("iam", "DeleteVirtualMFADevice"): _check_device_is_unused,
}
