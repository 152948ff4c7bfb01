"""Cross-account access on AWS: grant it in both accounts, prove it, use it, verify it, revoke it.

Names are imported on first use, so that ``import xacct`` does not import boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# The public names. Type checkers read these imports; at run time xacct._lazy_names does each on first use.
if TYPE_CHECKING:
    from xacct._version import __version__ as __version__
    from xacct.access import (
        CrossAccountAccess as CrossAccountAccess,
        grant_cross_account_read as grant_cross_account_read,
        load_access as load_access,
    )
    from xacct.access_audit import (
        Acceptance as Acceptance,
        AuditReport as AuditReport,
        Baseline as Baseline,
        Edge as Edge,
        Finding as Finding,
        Fix as Fix,
        Hop as Hop,
        KnownAccount as KnownAccount,
        StatementSource as StatementSource,
        Way as Way,
        audit as audit,
        known_accounts_in_file as known_accounts_in_file,
        policies_for as policies_for,
        what_can as what_can,
        who_can as who_can,
    )
    from xacct.access_denied import (
        Cause as Cause,
        Explanation as Explanation,
        Unread as Unread,
        explain as explain,
    )
    from xacct.arn import Arn as Arn
    from xacct.authz import (
        AccessRequest as AccessRequest,
        Decision as Decision,
        LayerReport as LayerReport,
        Mismatch as Mismatch,
        NearMiss as NearMiss,
        PolicySet as PolicySet,
        evaluate as evaluate,
        evaluate_many as evaluate_many,
        evaluate_matrix as evaluate_matrix,
    )
    from xacct.console_user import ConsoleUser as ConsoleUser
    from xacct.errors import (
        ApplyFailed as ApplyFailed,
        AssumeRoleDenied as AssumeRoleDenied,
        AwsError as AwsError,
        CannotChange as CannotChange,
        CannotExpress as CannotExpress,
        ForeignAttachments as ForeignAttachments,
        GrantConflict as GrantConflict,
        GrantsFailed as GrantsFailed,
        InvalidCredentials as InvalidCredentials,
        InvalidValue as InvalidValue,
        MfaRejected as MfaRejected,
        NotOurs as NotOurs,
        NotPropagated as NotPropagated,
        PackedPolicyTooLarge as PackedPolicyTooLarge,
        PermissionMissing as PermissionMissing,
        PolicyError as PolicyError,
        ProofFailed as ProofFailed,
        ProofNotDecided as ProofNotDecided,
        RegionDisabled as RegionDisabled,
        SessionExpired as SessionExpired,
        StalePlan as StalePlan,
        TargetTimedOut as TargetTimedOut,
        WrongAccount as WrongAccount,
        XacctError as XacctError,
    )
    from xacct.events import Event as Event
    from xacct.expired_grants import sweep as sweep
    from xacct.grant_data import (
        grant_from_dict as grant_from_dict,
        grant_schema as grant_schema,
    )
    from xacct.grants import (
        DevAccessGrant as DevAccessGrant,
        TrustGrant as TrustGrant,
    )
    from xacct.grants_file import GrantsFile as GrantsFile
    from xacct.grants_file_entries import (
        AccountEntry as AccountEntry,
        GrantEntry as GrantEntry,
    )
    from xacct.grants_file_schema import grants_file_schema as grants_file_schema
    from xacct.grants_plan import (
        GrantsPlan as GrantsPlan,
        PairPlan as PairPlan,
    )
    from xacct.iam_records import (
        PolicyRecord as PolicyRecord,
        RoleRecord as RoleRecord,
    )
    from xacct.inventory import (
        GrantRecord as GrantRecord,
        grants_in as grants_in,
    )
    from xacct.linter import (
        LintFinding as LintFinding,
        lint as lint,
    )
    from xacct.policy import (
        Condition as Condition,
        PolicyDocument as PolicyDocument,
        Principal as Principal,
        Statement as Statement,
    )
    from xacct.proof import (
        AccessSearch as AccessSearch,
        Proof as Proof,
        ZoneOfTrust as ZoneOfTrust,
        find_access as find_access,
        prove as prove,
    )
    from xacct.read_grant import ReadGrant as ReadGrant
    from xacct.reconcile import (
        Plan as Plan,
        plan as plan,
    )
    from xacct.record_reader import (
        read_policy as read_policy,
        read_role as read_role,
    )
    from xacct.report_table import Check as Check
    from xacct.resources.step import Change as Change
    from xacct.retry import Patience as Patience
    from xacct.s3_read import s3_read_policy as s3_read_policy
    from xacct.session.accounts import (
        accounts_in_file as accounts_in_file,
        accounts_in_organization as accounts_in_organization,
    )
    from xacct.session.assume import assume_role as assume_role
    from xacct.session.async_session import aio_session as aio_session
    from xacct.session.console import console_url as console_url
    from xacct.session.credentials_endpoint import credentials_endpoint as credentials_endpoint
    from xacct.session.export import (
        credential_process as credential_process,
        environment_variables as environment_variables,
    )
    from xacct.session.fan_out import fan_out as fan_out
    from xacct.session.fan_out_result import FanOut as FanOut, TargetOutcome as TargetOutcome
    from xacct.session.lambda_session_name import lambda_session_name as lambda_session_name
    from xacct.session.profile import profile_block as profile_block, write_profile as write_profile
    from xacct.session.run_program import run_with_role as run_with_role
    from xacct.session.target import Account as Account, Target as Target
    from xacct.session.web_identity import assume_role_with_web_identity as assume_role_with_web_identity
    from xacct.snapshot import (
        ControlPolicy as ControlPolicy,
        GroupDetail as GroupDetail,
        Organization as Organization,
        OrganizationAccount as OrganizationAccount,
        PolicyDetail as PolicyDetail,
        ResourcePolicy as ResourcePolicy,
        RoleDetail as RoleDetail,
        Snapshot as Snapshot,
        UserDetail as UserDetail,
    )
    from xacct.switch_role import SwitchRoleLink as SwitchRoleLink
    from xacct.verification import Verification as Verification

else:

    def __getattr__(name: str) -> object:
        from xacct._lazy_names import load, modules_by_name

        if name == "__all__":
            return sorted(modules_by_name("xacct"))
        value = load("xacct", name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return __getattr__("__all__")
