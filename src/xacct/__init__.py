"""Cross-account access on AWS: grant it on both sides, use it, verify it, take it away.

Names are loaded when they are first used, so that ``import xacct`` does not pay for boto3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# For type checkers; at run time `_HOME` says where each name lives.
if TYPE_CHECKING:
    from xacct.access import (
        CrossAccountAccess as CrossAccountAccess,
        grant_cross_account_read as grant_cross_account_read,
    )
    from xacct.access_denied import (
        Explanation as Explanation,
        explain as explain,
    )
    from xacct.arn import (
        Arn as Arn,
    )
    from xacct.authz import (
        AccessRequest as AccessRequest,
        Decision as Decision,
        PolicySet as PolicySet,
        evaluate as evaluate,
        evaluate_many as evaluate_many,
    )
    from xacct.console_user import (
        ConsoleUser as ConsoleUser,
    )
    from xacct.errors import (
        ApplyFailed as ApplyFailed,
        AssumeRoleDenied as AssumeRoleDenied,
        AwsError as AwsError,
        ForeignAttachments as ForeignAttachments,
        InvalidValue as InvalidValue,
        MfaRejected as MfaRejected,
        NotOurs as NotOurs,
        NotPropagated as NotPropagated,
        PackedPolicyTooLarge as PackedPolicyTooLarge,
        PermissionMissing as PermissionMissing,
        PolicyError as PolicyError,
        ProofFailed as ProofFailed,
        RegionDisabled as RegionDisabled,
        SessionExpired as SessionExpired,
        WrongAccount as WrongAccount,
        XacctError as XacctError,
    )
    from xacct.events import (
        Event as Event,
    )
    from xacct.grants import (
        DevAccessGrant as DevAccessGrant,
        TrustGrant as TrustGrant,
    )
    from xacct.policy import (
        Condition as Condition,
        PolicyDocument as PolicyDocument,
        Principal as Principal,
        Statement as Statement,
    )
    from xacct.proof import (
        Proof as Proof,
    )
    from xacct.reconcile import (
        Plan as Plan,
        plan as plan,
    )
    from xacct.report_table import (
        Check as Check,
    )
    from xacct.resources.step import (
        Change as Change,
    )
    from xacct.retry import (
        Patience as Patience,
    )
    from xacct.s3_read import (
        s3_read_policy as s3_read_policy,
    )
    from xacct.session import (
        FanOut as FanOut,
        accounts_in_file as accounts_in_file,
        accounts_in_organization as accounts_in_organization,
        assume_role as assume_role,
        credential_process as credential_process,
        environment_variables as environment_variables,
        fan_out as fan_out,
        profile_block as profile_block,
        write_profile as write_profile,
    )
    from xacct.switch_role import (
        SwitchRoleLink as SwitchRoleLink,
    )
    from xacct.verification import (
        Verification as Verification,
    )

    __version__: str

_HOME = {
    "xacct.access": (
        "CrossAccountAccess",
        "grant_cross_account_read",
    ),
    "xacct.arn": ("Arn",),
    "xacct.authz": ("AccessRequest", "Decision", "PolicySet", "evaluate", "evaluate_many"),
    "xacct.report_table": ("Check",),
    "xacct.console_user": ("ConsoleUser",),
    "xacct.errors": (
        "ApplyFailed",
        "AssumeRoleDenied",
        "AwsError",
        "ForeignAttachments",
        "InvalidValue",
        "MfaRejected",
        "NotOurs",
        "NotPropagated",
        "PackedPolicyTooLarge",
        "PermissionMissing",
        "ProofFailed",
        "PolicyError",
        "RegionDisabled",
        "SessionExpired",
        "WrongAccount",
        "XacctError",
    ),
    "xacct.events": ("Event",),
    "xacct.access_denied": ("Explanation", "explain"),
    "xacct.grants": (
        "DevAccessGrant",
        "TrustGrant",
    ),
    "xacct.policy": (
        "Condition",
        "PolicyDocument",
        "Principal",
        "Statement",
    ),
    "xacct.reconcile": (
        "Plan",
        "plan",
    ),
    "xacct.resources.step": ("Change",),
    "xacct.retry": ("Patience",),
    "xacct.s3_read": ("s3_read_policy",),
    "xacct.session": (
        "FanOut",
        "accounts_in_file",
        "accounts_in_organization",
        "assume_role",
        "credential_process",
        "environment_variables",
        "fan_out",
        "profile_block",
        "write_profile",
    ),
    "xacct.proof": ("Proof",),
    "xacct.switch_role": ("SwitchRoleLink",),
    "xacct.verification": ("Verification",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])


if not TYPE_CHECKING:  # so that type checkers still know which names there are

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("xacct")
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'xacct' has no attribute {name!r}")
        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__
