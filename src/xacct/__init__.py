"""Cross-account access on AWS that you can prove.

Names are loaded when they are first used, so that ``import xacct`` does not pay for boto3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xacct.arn import Arn
    from xacct.errors import (
        ApplyFailed,
        AssumeRoleDenied,
        AwsError,
        ForeignAttachments,
        InvalidValue,
        MfaRejected,
        NotOurs,
        NotPropagated,
        PackedPolicyTooLarge,
        PermissionMissing,
        PolicyError,
        RegionDisabled,
        SessionExpired,
        WrongAccount,
        XacctError,
    )
    from xacct.policy import Condition, PolicyDocument, Principal, Statement

_HOME = {
    "xacct.arn": ("Arn",),
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
        "PolicyError",
        "RegionDisabled",
        "SessionExpired",
        "WrongAccount",
        "XacctError",
    ),
    "xacct.policy": ("Condition", "PolicyDocument", "Principal", "Statement"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])


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
