"""Options that several commands have, each described once."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from cyclopts import Parameter

__all__ = [
    "Accept", "Adopt", "Profile", "Region", "TrustedProfile", "TrustingProfile", "Yes",
]  # fmt: skip

Profile: TypeAlias = Annotated[
    str | None, Parameter(name="--profile", help="The profile in ~/.aws/config to use; default: the default profile.")
]
TrustingProfile: TypeAlias = Annotated[
    str,
    Parameter(
        name="--trusting-profile",
        env_var="XACCT_TRUSTING_PROFILE",
        help="The profile of the account that has the data and the role.",
    ),
]
TrustedProfile: TypeAlias = Annotated[
    str,
    Parameter(
        name="--trusted-profile",
        env_var="XACCT_TRUSTED_PROFILE",
        help="The profile of the account that gets access.",
    ),
]
Region: TypeAlias = Annotated[str | None, Parameter(name="--region", help="The region; default: that of the profile.")]
Yes: TypeAlias = Annotated[
    bool, Parameter(name=("--yes", "-y"), negative="", show_default=False, help="Do not ask before making changes.")
]
Adopt: TypeAlias = Annotated[
    bool,
    Parameter(
        name="--adopt",
        negative="",
        show_default=False,
        help="Take over resources of the same names that xacct did not create, or that belong to another grant.",
    ),
]
Accept: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        name="--accept",
        negative="",
        show_default=False,
        help="The name of a check of the proof that is accepted although it is not decided. Repeat for several.",
    ),
]
