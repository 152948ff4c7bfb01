"""What AWS minds when something is written, and moto does not.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from xacct.errors import PolicyError
from xacct.policy import PolicyDocument
from xacct.testing.principals import missing_principal, rename_principal
from xacct.testing.refusals import Refused, invalid
from xacct.testing.state import State
from xacct.testing.wire import Answer, Call, rendered

if TYPE_CHECKING:
    from moto.iam.models import Group, Role, User

__all__ = ["as_aws_writes"]

# What happens to moto's answer when it is done.
Afterwards = Callable[[Answer], Answer]


@frozen
class Write:
    """A call that is allowed, the account where it acts, the accounts as they are, and how to see them otherwise."""

    call: Call
    account: str
    state: State
    seen: Callable[[], AbstractContextManager[None]]


Rule = Callable[[Write], Afterwards | Answer | None]

_NAMES = {
    "RoleName": (64, "roleName"),
    "UserName": (64, "userName"),
    "GroupName": (128, "groupName"),
    "PolicyName": (128, "policyName"),
}
_ATTACHABLE = 10
_INLINE = {"role": 10240, "user": 2048, "group": 5120}
_TRUST, _MANAGED = 2048, 6144


def as_aws_writes(
    call: Call, account: str, state: State, *, seen: Callable[[], AbstractContextManager[None]]
) -> Afterwards | Answer | None:
    """Refuse what AWS would refuse and moto would not, before moto sees a call that is allowed.

    Args:
        call: what was called.
        account: where it acts.
        state: the accounts.
        seen: lets the accounts be as a reader of IAM sees them, while what was written spreads.

    Returns:
        The answer where moto has none, or what is to be done to moto's; None where moto does all.

    Raises:
        Refused: as AWS refuses it.
    """
    write = Write(call, account, state, seen)
    if call.service == "iam":
        _check_names(call)
        for parameter in ("PolicyArn", "PermissionsBoundary"):
            if parameter in call.params:
                _check_policy(write, parameter)
        _check_entity(write)
    rule = _RULES.get((call.service, call.operation))
    return rule(write) if rule else None


def _conflict(message: str) -> Refused:
    return Refused("DeleteConflict", message, 409)


def _exceeded(message: str) -> Refused:
    return Refused("LimitExceeded", message, 409)


def _missing(message: str) -> Refused:
    return Refused("NoSuchEntity", message, 404)


def _taken(message: str) -> Refused:
    return Refused("EntityAlreadyExists", message, 409)


def _check_names(call: Call) -> None:
    for parameter, (longest, field) in _NAMES.items():
        name = call.text(parameter)
        if len(name) > longest:
            raise invalid(name, field, f"have length less than or equal to {longest}")
        if not re.fullmatch(r"[\w+=,.@-]*", name, re.ASCII):
            raise Refused(
                "ValidationError",
                f"The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the "
                "following: +=,.@_-",
            )
    path = call.text("Path", "/")
    if len(path) > 512 or not re.fullmatch(r"/|/[\x21-\x7e]+/", path):
        raise Refused(
            "ValidationError",
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric "
            "characters and/or / characters.",
        )
    if len(call.text("Description")) > 1000:
        raise invalid(call.text("Description"), "description", "have length less than or equal to 1000")
    seconds = call.params.get("MaxSessionDuration")
    if seconds is not None and not 3600 <= int(seconds) <= 43200:
        rule = "less than or equal to 43200" if int(seconds) > 43200 else "greater than or equal to 3600"
        raise invalid(seconds, "maxSessionDuration", f"have value {rule}")


def _check_policy(write: Write, parameter: str) -> None:
    arn = write.call.text(parameter)
    if not re.fullmatch(r"arn:[\w-]+:iam::(\d{12}|aws):policy/[\x21-\x7e]+", arn):
        raise Refused("ValidationError", f"ARN {arn} is not valid.")
    if write.state.managed_policy(write.account, arn) is not None:
        return
    if parameter == "PermissionsBoundary":
        raise _missing(f"Scope ARN: {arn} does not exist or is not attachable.")
    if write.call.operation.startswith("Attach"):
        raise _missing(f"Policy {arn} does not exist or is not attachable.")
    raise _missing(f"Policy {arn} was not found.")


def _check_entity(write: Write) -> None:
    """The users, roles and groups that a write.call names are there, but for those that it makes."""
    find = {"RoleName": write.state.role, "UserName": write.state.user, "GroupName": write.state.group}
    made = {"CreateRole": "RoleName", "CreateUser": "UserName", "CreateGroup": "GroupName"}.get(write.call.operation)
    for parameter, found in find.items():
        name = write.call.text(parameter)
        if name and parameter != made and found(write.account, name) is None:
            raise _missing(f"The {parameter.removesuffix('Name').lower()} with name {name} cannot be found.")


def _size(text: str) -> int:
    return len(re.sub(r"\s", "", text))


def _trust_document(write: Write, parameter: str) -> None:
    text = write.call.text(parameter)
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    try:
        PolicyDocument.parse(text)
    except PolicyError as error:
        # What cannot be a principal is one that is not there, in AWS's words.
        absent = missing_principal(document, write.state) if ".Principal." in error.path else None
        raise _malformed(f"Invalid principal in policy: {absent}" if absent else "Syntax errors in policy.") from None
    statements = document["Statement"]
    for statement in [statements] if isinstance(statements, dict) else statements:
        for element in ("Resource", "NotResource"):
            if element in statement:
                raise _malformed(f"Has prohibited field {element}")
        if not statement.keys() & {"Principal", "NotPrincipal"}:
            raise _malformed("Missing required field Principal")
        actions = statement.get("Action", "sts:AssumeRole")
        if any(
            not action.lower().startswith("sts:") for action in ([actions] if isinstance(actions, str) else actions)
        ):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    if _size(text) > _TRUST:
        raise _exceeded(f"Cannot exceed quota for ACLSizePerRole: {_TRUST}")
    with write.seen():
        absent = missing_principal(document, write.state)
    if absent is not None:
        raise _malformed(f"Invalid principal in policy: {absent}")


def _malformed(message: str) -> Refused:
    return Refused("MalformedPolicyDocument", message)


def _identity_document(call: Call) -> str:
    text = call.text("PolicyDocument")
    try:
        PolicyDocument.parse(text)
    except PolicyError:
        raise _malformed("Syntax errors in policy.") from None
    return text


def _create_role(write: Write) -> None:
    name = write.call.text("RoleName")
    if name.lower() in {role.name.lower() for role in write.state.iam(write.account).roles.values()}:
        raise _taken(f"Role with name {name} already exists.")
    _trust_document(write, "AssumeRolePolicyDocument")


def _update_trust(write: Write) -> Afterwards | Answer | None:
    _trust_document(write, "PolicyDocument")
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    # Moto would refuse wildcards in actions, which AWS takes.
    role.assume_role_policy_document = write.call.text("PolicyDocument")
    return rendered("iam", write.call.operation, {})


def _create_user(write: Write) -> Afterwards:
    name = write.call.text("UserName")
    if name.lower() in {user.lower() for user in write.state.iam(write.account).users}:
        raise _taken(f"User with name {name} already exists.")

    def afterwards(_: Answer) -> Answer:
        user = write.state.iam(write.account).users[name]
        _identify(user, "AIDA")
        if write.call.text("PermissionsBoundary"):
            _bound(user, write.call.text("PermissionsBoundary"))
        return rendered("iam", write.call.operation, {"User": user})

    return afterwards


def _create_group(write: Write) -> Afterwards:
    name = write.call.text("GroupName")
    if name.lower() in {group.lower() for group in write.state.iam(write.account).groups}:
        raise _taken(f"Group with name {name} already exists.")

    def afterwards(_: Answer) -> Answer:
        group = write.state.iam(write.account).groups[name]
        _identify(group, "AGPA")
        return rendered("iam", write.call.operation, {"Group": group})

    return afterwards


def _identify(entity: User | Group, prefix: str) -> None:
    """Give moto's entity an id of AWS's form."""
    entity.id = prefix + entity.id[: 21 - len(prefix)].upper()


def _bound(user: User, arn: str | None) -> None:
    """A user's boundary, of which moto knows nothing but gives back what is there."""
    user.permissions_boundary_arn = arn  # type: ignore[attr-defined] # moto has this on roles only
    kind = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    user.permissions_boundary = kind if arn else None  # type: ignore[attr-defined] # the same


def _bound_user(write: Write) -> Answer:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is not None:
        _bound(user, write.call.text("PermissionsBoundary") or None)
    return rendered("iam", write.call.operation, {})


def _update_user(write: Write) -> Afterwards | None:
    user, new = write.state.user(write.account, write.call.text("UserName")), write.call.text("NewUserName")
    if new and new != write.call.text("UserName") and write.state.user(write.account, new) is not None:
        raise _taken(f"User with name {new} already exists.")
    before = user.arn if user else ""

    def afterwards(answer: Answer) -> Answer:
        if user is not None:
            rename_principal(before, user.arn, write.state)
        return answer

    return afterwards


def _delete_user(write: Write) -> Afterwards | None:
    user = write.state.user(write.account, write.call.text("UserName"))
    if user is None:
        return None
    with write.seen():
        _check_nothing_hangs_on(user, write.state)
    _check_nothing_hangs_on(user, write.state)
    return _forget(user, write.state)


def _check_nothing_hangs_on(user: User, state: State) -> None:
    if user.password:
        raise _conflict("Cannot delete entity, must delete login profile first.")
    if user.access_keys:
        raise _conflict("Cannot delete entity, must delete access keys first.")
    if user.mfa_devices:
        raise _conflict("Cannot delete entity, must delete MFA device first.")
    if user.signing_certificates or user.ssh_public_keys:
        raise _conflict("Cannot delete entity, must remove referenced objects first.")
    if state.groups_of(user):
        raise _conflict("Cannot delete entity, must remove users from group first.")
    _check_no_policies(user)


def _check_no_policies(entity: User | Role | Group) -> None:
    if entity.managed_policies:
        raise _conflict("Cannot delete entity, must detach all policies first.")
    if entity.policies:
        raise _conflict("Cannot delete entity, must delete policies first.")


def _delete_role(write: Write) -> Afterwards | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    if role.path.startswith("/aws-service-role/"):
        raise Refused(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
        )
    with write.seen():
        _check_no_policies(role)
    return _forget(role, write.state)


def _forget(entity: User | Role, state: State) -> Afterwards:
    arn, unique = entity.arn, entity.id

    def afterwards(answer: Answer) -> Answer:
        rename_principal(arn, unique, state)
        return answer

    return afterwards


def _delete_group(write: Write) -> None:
    group = write.state.group(write.account, write.call.text("GroupName"))
    if group is not None and group.users:
        raise _conflict("Cannot delete entity, must remove users from group first.")
    if group is not None:
        _check_no_policies(group)


def _delete_policy(write: Write) -> None:
    policy = write.state.managed_policy(write.account, write.call.text("PolicyArn"))
    if policy is None:
        return
    if policy.attachment_count or any(
        getattr(found, "permissions_boundary_arn", None) == policy.arn for found in write.state.principals()
    ):
        raise _conflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise _conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def _attach(kind: str) -> Rule:
    def rule(write: Write) -> Answer | None:
        entity = _named(kind, write)
        if entity is None:
            return None
        if write.call.text("PolicyArn") in entity.managed_policies:
            # Moto would count it twice.
            return rendered("iam", write.call.operation, {})
        if len(entity.managed_policies) >= _ATTACHABLE:
            raise _exceeded(f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: {_ATTACHABLE}")
        return None

    return rule


def _put_inline(kind: str) -> Rule:
    def rule(write: Write) -> None:
        text, name = _identity_document(write.call), write.call.text("PolicyName")
        entity = _named(kind, write)
        others = [] if entity is None else [other for key, other in entity.policies.items() if key != name]
        if sum(map(_size, [text, *others])) > _INLINE[kind]:
            whose = write.call.text(f"{kind.capitalize()}Name")
            raise _exceeded(f"Maximum policy size of {_INLINE[kind]} bytes exceeded for {kind} {whose}")

    return rule


def _inline(kind: str) -> Rule:
    def rule(write: Write) -> None:
        entity, name = _named(kind, write), write.call.text("PolicyName")
        if entity is not None and name not in entity.policies:
            raise _missing(f"The {kind} policy with name {name} cannot be found.")

    return rule


def _named(kind: str, write: Write) -> User | Role | Group | None:
    find: Mapping[str, Callable[[str, str], User | Role | Group | None]] = {
        "role": write.state.role, "user": write.state.user, "group": write.state.group,
    }  # fmt: skip
    return find[kind](write.account, write.call.text(f"{kind.capitalize()}Name"))


def _managed_document(write: Write) -> None:
    if _size(_identity_document(write.call)) > _MANAGED:
        raise _exceeded(f"Cannot exceed quota for PolicySize: {_MANAGED}")


def _list_policies(write: Write) -> None:
    if write.call.text("Scope", "All") != "Local":
        write.state.take_in_published_policies(write.account)


def _update_role(write: Write) -> Afterwards | None:
    role = write.state.role(write.account, write.call.text("RoleName"))
    if role is None:
        return None
    description, seconds = role.description, role.max_session_duration

    def afterwards(answer: Answer) -> Answer:
        # Moto empties what the write.call leaves out.
        role.description = write.call.text("Description", description)
        role.max_session_duration = write.call.params.get("MaxSessionDuration") or seconds
        return answer

    return afterwards


def _login_profile(write: Write) -> None:
    name = write.call.text("UserName")
    user = write.state.user(write.account, name)
    if user is None:
        return
    if write.call.operation == "CreateLoginProfile":
        if user.password:
            raise _taken(f"Login Profile for user {name} already exists.")
    elif not user.password:
        raise _missing(f"Login Profile for User {name} cannot be found.")
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


def _check_password(password: str, policy: Any) -> None:
    classes = {
        "require_uppercase_characters": ("[A-Z]", "one uppercase character"),
        "require_lowercase_characters": ("[a-z]", "one lowercase character"),
        "require_numbers": (r"[0-9]", "one number"),
        "require_symbols": (r"[!@#$%^&*()_+\-=\[\]{}|']", "one symbol"),
    }
    found = {name: re.search(pattern, password) is not None for name, (pattern, _) in classes.items()}
    shortest = 8 if policy is None else policy.minimum_password_length
    if not shortest <= len(password) <= 128:
        raise _weak(
            f"have a minimum length of {shortest}" if len(password) < shortest else "have a maximum length of 128"
        )
    if policy is None:
        if sum(found.values()) < 3:
            raise _weak("use a mix of three of: uppercase, lowercase, numbers and symbols")
        return
    for name, (_, wanted) in classes.items():
        if getattr(policy, name) and not found[name]:
            raise _weak(f"have at least {wanted}")


def _weak(rule: str) -> Refused:
    return Refused("PasswordPolicyViolation", f"Password should {rule}")


def _no_credentials(write: Write) -> Answer:
    # Nobody can make one here: moto has no such thing.
    return rendered("iam", write.call.operation, {"ServiceSpecificCredentials": []})


def _delete_bucket(write: Write) -> None:
    bucket = write.state.bucket(write.call.text("Bucket"))
    if bucket is not None and bucket.versioning_status and bucket.keys:
        raise Refused(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            409,
        )


def _bucket_policy(write: Write) -> None:
    text, bucket = write.call.text("Policy"), write.call.text("Bucket")
    try:
        document = json.loads(text)
    except ValueError:
        raise Refused("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'") from None
    try:
        parsed = PolicyDocument.parse(text)
    except PolicyError as error:
        raise Refused("MalformedPolicy", str(error)) from None
    absent = missing_principal(document, write.state)
    if absent is not None:
        raise Refused("MalformedPolicy", "Invalid principal in policy")
    own = f"arn:{write.state.partition}:s3:::{bucket}"
    for statement in parsed.statements:
        for resource in statement.resources or ():
            if resource != own and not resource.startswith((f"{own}/", f"{own}*")):
                raise Refused("MalformedPolicy", "Policy has invalid resource")


def _key_policy(write: Write) -> None:
    text = write.call.text("Policy")
    if not text:
        return
    try:
        PolicyDocument.parse(text)
    except PolicyError as error:
        raise Refused("MalformedPolicyDocumentException", str(error)) from None
    if missing_principal(json.loads(text), write.state) is not None:
        raise Refused(
            "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
        )


_RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateRole"): _create_role,
    ("iam", "UpdateAssumeRolePolicy"): _update_trust,
    ("iam", "UpdateRole"): _update_role,
    ("iam", "DeleteRole"): _delete_role,
    ("iam", "CreateUser"): _create_user,
    ("iam", "UpdateUser"): _update_user,
    ("iam", "DeleteUser"): _delete_user,
    ("iam", "PutUserPermissionsBoundary"): _bound_user,
    ("iam", "DeleteUserPermissionsBoundary"): _bound_user,
    ("iam", "CreateGroup"): _create_group,
    ("iam", "DeleteGroup"): _delete_group,
    ("iam", "CreatePolicy"): _managed_document,
    ("iam", "CreatePolicyVersion"): _managed_document,
    ("iam", "DeletePolicy"): _delete_policy,
    ("iam", "ListPolicies"): _list_policies,
    ("iam", "CreateLoginProfile"): _login_profile,
    ("iam", "GetLoginProfile"): _login_profile,
    ("iam", "UpdateLoginProfile"): _login_profile,
    ("iam", "DeleteLoginProfile"): _login_profile,
    ("iam", "ListServiceSpecificCredentials"): _no_credentials,
    **{("iam", f"Attach{kind.capitalize()}Policy"): _attach(kind) for kind in _INLINE},
    **{("iam", f"Put{kind.capitalize()}Policy"): _put_inline(kind) for kind in _INLINE},
    **{("iam", f"{verb}{kind.capitalize()}Policy"): _inline(kind) for kind in _INLINE for verb in ("Get", "Delete")},
    ("s3", "DeleteBucket"): _delete_bucket,
    ("s3", "PutBucketPolicy"): _bucket_policy,
    ("kms", "CreateKey"): _key_policy,
    ("kms", "PutKeyPolicy"): _key_policy,
}
