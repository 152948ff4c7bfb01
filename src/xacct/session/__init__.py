"""boto3 sessions in IAM roles: assume_role, fan_out, profiles and credentials for other programs."""

from xacct.session.accounts import accounts_in_file, accounts_in_organization
from xacct.session.assume import assume_role
from xacct.session.async_session import aio_session
from xacct.session.console import console_url
from xacct.session.credentials_endpoint import credentials_endpoint
from xacct.session.export import credential_process, environment_variables
from xacct.session.fan_out import fan_out
from xacct.session.fan_out_result import FanOut, TargetOutcome
from xacct.session.lambda_session_name import lambda_session_name
from xacct.session.profile import profile_block, write_profile
from xacct.session.run_program import run_with_role
from xacct.session.target import Account, Target
from xacct.session.web_identity import assume_role_with_web_identity

__all__ = [
    "Account", "FanOut", "Target", "TargetOutcome", "accounts_in_file", "accounts_in_organization", "aio_session",
    "assume_role", "assume_role_with_web_identity", "console_url",
    "credential_process", "credentials_endpoint", "environment_variables", "fan_out", "lambda_session_name",
    "profile_block", "run_with_role", "write_profile",
]  # fmt: skip
