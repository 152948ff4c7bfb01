"""The sandbox: simulated AWS accounts in this process that enforce IAM."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, final
from unittest.mock import patch

import boto3

from xacct.arn import Arn, account_id, partition as partition_named
from xacct.errors import InvalidValue, XacctError
from xacct.testing.account import Account, create_administrator
from xacct.testing.ambient_identity import ambient_identity, environment_without_credentials
from xacct.testing.client_configuration import config_file, region_in
from xacct.testing.clock import Clock, renewing_by
from xacct.testing.created_accounts import ACCESS_ROLE
from xacct.testing.credential_store import CredentialStore
from xacct.testing.faults import Faults
from xacct.testing.federation_endpoint import FederationEndpoint
from xacct.testing.interception import execute_in_moto, intercepted_requests
from xacct.testing.issuer import Issuer
from xacct.testing.moto_start import moto_started
from xacct.testing.moto_state import MotoState
from xacct.testing.pipeline import Pipeline, RecordedCall
from xacct.testing.propagation import Propagation, Visibility
from xacct.testing.request_time import signing_at
from xacct.testing.saml_assertions import SamlAssertions
from xacct.testing.saml_provider import SamlProvider
from xacct.testing.sandbox_organization import SandboxOrganization, create_organization
from xacct.testing.server import Server
from xacct.testing.sessions import new_session
from xacct.testing.switch_role_page import page
from xacct.testing.totp import code_of_device
from xacct.testing.web_identity_tokens import WebIdentityTokens

if TYPE_CHECKING:
    from xacct.snapshot import Snapshot

__all__ = ["Account", "Sandbox"]


@final
class Sandbox:
    """Simulated AWS accounts in this process that enforce IAM. Use it in a ``with`` block.

    Within the block, every boto3 client talks to these accounts, also one that was made before. A request to another
    host is an error, except to this machine. Moto keeps their resources, and `xacct.authz`
    authorizes each call. For IAM, STS, S3, KMS, SQS, SNS, Secrets Manager, Lambda, ECR, DynamoDB, Systems Manager, Logs
    and EventBridge the sandbox enforces identity policies, permissions boundaries, session policies, trust policies and
    the policies of resources as AWS documents them, also across accounts. S3 ACLs grant nothing, as in new buckets.

    Args:
        accounts: the account ids.
        region: the region of the sessions; None for ``eu-central-1``, or for the main region of another partition.
        partition: the partition of the accounts: one that moto supports.
        propagation: the delay until writes to IAM take effect; None for no delay. With a delay, `time.sleep` advances
            the sandbox's clock and takes no real time, in the whole process.
        strict: whether to deny calls to services whose rules the sandbox does not know, except for actions that have
            no resources. Otherwise such a call is authorized by its action and by what its parameters say of its
            resource, with a warning in the log ``xacct.testing``.

    Attributes:
        calls: the calls received, with the caller and IAM's decisions; ``print`` one to see the explanation.
        clock: the sandbox's clock; ``clock.advance(3600)`` moves it forward by an hour. Sessions of
            `xacct.assume_role` and of profiles with a role then renew their credentials; others expire.
        faults: the faults to inject, such as ``faults.add("throttled", operation="CreateRole")``.
        region: the region of the sessions.
        partition: the partition of the accounts.

    Raises:
        InvalidValue: there are no accounts, an account id is malformed, moto does not support the partition, or the
            region belongs to another partition.
        XacctError: another sandbox is open in this process.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

    >>> with Sandbox(["111111111111", "222222222222"]) as aws:
    ...     s3 = aws.account("111111111111").session.client("s3")
    ...     _ = s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    ...     try:
    ...         aws.account("222222222222").session.client("s3").list_objects_v2(Bucket="reports")
    ...     except s3.exceptions.ClientError as error:
    ...         print(error)
    An error occurred (AccessDenied) when calling the ListObjectsV2 operation: Access Denied
    """

    _open: Sandbox | None = None

    def __init__(
        self,
        accounts: Iterable[str] = ("111111111111", "222222222222"),
        *,
        region: str | None = None,
        partition: str = "aws",
        propagation: Propagation | None = None,
        strict: bool = False,
    ) -> None:
        ids = [account_id(account, "accounts") for account in accounts]
        if not ids:
            raise InvalidValue("accounts", ids, "at least one account id")
        self._partition = partition_named(partition)
        self.partition = self._partition.name
        self.region = region_in(self._partition, region)
        self.clock = Clock()
        self._state = MotoState(self.partition, frozenset(ids))
        self._credentials = CredentialStore(self._state, self.clock)
        self._federation = FederationEndpoint(self._partition, self._credentials, self.clock)
        self._tokens = WebIdentityTokens(self._state, self.clock)
        self._assertions = SamlAssertions(self._state, self._partition, self.clock)
        self._propagation = propagation
        self._pipeline = Pipeline(
            self._state,
            self._credentials,
            self.clock,
            execute_in_moto,
            tokens=self._tokens,
            assertions=self._assertions,
            visibility=Visibility(propagation, self._state, self.clock),
            strict=strict,
        )
        self._patches = ExitStack()
        self._accounts: dict[str, Account] = {}
        self._lock = Lock()
        self._ids = ids

    @property
    def calls(self) -> list[RecordedCall]:
        """The calls received since the sandbox was opened or the list was cleared; at least the last 5,000."""
        return self._pipeline.calls

    @property
    def faults(self) -> Faults:
        """The faults to inject."""
        return self._pipeline.faults

    def __enter__(self) -> Sandbox:
        if Sandbox._open is not None:
            raise XacctError("another sandbox is open in this process: close it first (moto has one state per process)")
        with ExitStack() as stack:
            stack.enter_context(patch.dict(os.environ, environment_without_credentials(), clear=True))
            stack.enter_context(moto_started())
            stack.enter_context(intercepted_requests(self._pipeline.answer, self._federation, self._partition))
            stack.enter_context(signing_at(self.clock))
            stack.enter_context(renewing_by(self.clock))
            if self._propagation is not None:
                stack.enter_context(patch("time.sleep", self.clock.advance))
            self._accounts = {account: create_administrator(account, self._state, self.region) for account in self._ids}
            self._patches = stack.pop_all()
        Sandbox._open = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Sandbox._open = None
        self._patches.close()

    def account(self, account: str) -> Account:
        """Return one of the accounts, also one that was created through AWS Organizations.

        Args:
            account: the account id.

        Raises:
            InvalidValue: the sandbox has no such account, or it is not open.
        """
        if not self._accounts:
            raise InvalidValue("account", account, "the sandbox has no accounts until it is opened: use `with`")
        if account not in self._state.accounts:
            raise InvalidValue("account", account, f"one of {', '.join(self._account_ids)}")
        with self._lock:
            if account not in self._accounts:
                self._accounts[account] = create_administrator(account, self._state, self.region)
        return self._accounts[account]

    def load(self, *snapshots: Snapshot) -> tuple[str, ...]:
        """Put the users, groups, roles and managed policies of snapshots into the accounts.

        A sandbox of your organization is made of what ``aws iam get-account-authorization-details`` printed in each
        account. Roles keep their trust policies, inline and attached policies, permissions boundaries, tags and unique
        IDs, so that findings of `xacct.audit`, and changes of policies, can be tried. What an account has already
        under the same name is replaced, except the sandbox's own user ``Administrator``. Loading makes no calls.

        A snapshot has no access keys and passwords: use `sign_in` or `acting_as`. It has no session durations, so
        those of roles are one hour.

        Args:
            snapshots: the snapshots, each of an account of the sandbox.

        Returns:
            What was not loaded, each with the reason: resource policies, because a sandbox has no such resources;
            documents that are not in the snapshot, or not valid; managed policies of AWS that neither the snapshot nor
            moto has. A principal without its permissions boundary is allowed nothing.

        Raises:
            InvalidValue: a snapshot is of another account or partition, or the sandbox is not open. Nothing was loaded.

        Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html

        >>> from xacct import Snapshot
        >>> trust = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
        >>> details = {"RoleDetailList": [{
        ...     "Arn": "arn:aws:iam::111111111111:role/Reader",
        ...     "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        ...     "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]}]}
        >>> with Sandbox(["111111111111", "222222222222"]) as aws:
        ...     print(aws.load(Snapshot.from_authorization_details(details)))
        ...     sts = aws.account("222222222222").session.client("sts")
        ...     answer = sts.assume_role(RoleArn="arn:aws:iam::111111111111:role/Reader", RoleSessionName="try")
        ...     print(answer["AssumedRoleUser"]["Arn"])
        ()
        arn:aws:sts::111111111111:assumed-role/Reader/try
        """
        # Imported here, because few tests load snapshots.
        from xacct.testing.loaded_snapshots import load_snapshot

        for snapshot in snapshots:
            if snapshot.partition != self.partition:
                raise InvalidValue("snapshots", snapshot.partition, f"snapshots of accounts of {self.partition}")
            self.account(snapshot.account)
        return tuple(entry for snapshot in snapshots for entry in load_snapshot(snapshot, self._state))

    def sign_in(self, principal: str, *, mfa: bool = False, duration: int = 3600) -> boto3.Session:
        """Return a session of a principal, as after a sign-in to the console.

        Args:
            principal: the ARN of a user, a role or an account's root user. A role's trust policy is not evaluated.
            mfa: whether the principal authenticated with MFA.
            duration: the duration of the session in seconds.

        Raises:
            InvalidValue: the principal does not exist in the sandbox.
        """
        arn = Arn.parse(principal, name="principal")
        entity = self._state.principal(principal) if arn.account in self._account_ids else None
        is_root = arn.account in self._account_ids and (arn.service, arn.resource) == ("iam", "root")
        if entity is None and not is_root:
            raise InvalidValue("principal", principal, "the ARN of an existing user, role or root user in the sandbox")
        session_arn, user_id = principal, arn.account if entity is None else entity.id
        is_role = arn.resource_type == "role"
        if is_role:
            session_arn = f"arn:{arn.partition}:sts::{arn.account}:assumed-role/{arn.name}/sign-in"
            user_id = f"{user_id}:sign-in"
        session = self._credentials.open_session(
            arn=session_arn,
            account=arn.account,
            user_id=user_id,
            seconds=duration,
            entity=entity,
            assumed=is_role,
            mfa_at=self.clock.now() if mfa else None,
        )
        return new_session(session.access_key, session.secret_key, session.token, region=self.region)

    @contextmanager
    def acting_as(self, principal: str | boto3.Session) -> Iterator[boto3.Session]:
        """Make a principal the identity of plain clients, such as ``boto3.client("s3")``, until the block ends.

        Code under test that makes its own clients and sessions then has the principal's permissions. The environment
        variables of its credentials and its region are set, and boto3's default session is replaced, in the whole
        process. Blocks can be nested. Clients made before the block keep their credentials.

        Args:
            principal: the ARN of a user, a role or an account's root user, which is signed in as by `sign_in`; or a
                session, whose current credentials are used.

        Yields:
            A session of the principal.

        Raises:
            InvalidValue: the principal does not exist in the sandbox, or the session has no credentials.
            XacctError: the sandbox is not open.

        Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html

        >>> with Sandbox(["111111111111"]) as aws, aws.acting_as("arn:aws:iam::111111111111:user/Administrator"):
        ...     boto3.client("sts").get_caller_identity()["Arn"]
        'arn:aws:iam::111111111111:user/Administrator'
        """
        if Sandbox._open is not self:
            raise XacctError("the sandbox is not open, so plain clients would connect to AWS: use `with`")
        session = self.sign_in(principal) if isinstance(principal, str) else principal
        with ambient_identity(session, self.region):
            yield session

    def open_console(self, url: str) -> boto3.Session:
        """Return a session with which the console works after it was opened with a link of `xacct.console_url`.

        Args:
            url: the link.

        Raises:
            InvalidValue: it is no such link, its token has expired, or AWS does not accept its credentials.
        """
        session = self._federation.open(url)
        return new_session(session.access_key, session.secret_key, session.token, region=self.region)

    def oidc_provider(
        self, url: str, *, account: str | None = None, audiences: Iterable[str] = ("sts.amazonaws.com",)
    ) -> Issuer:
        """Return an OpenID Connect issuer, such as GitHub Actions, with its provider in IAM of an account.

        The provider is created unless the account has it already. STS verifies the signature, issuer, audience and
        expiry of the issuer's tokens, and the claims with the trust policy of the role.

        Args:
            url: the issuer's URL, such as ``https://token.actions.githubusercontent.com``.
            account: the account id; None for the first account of the sandbox.
            audiences: the audiences that the provider accepts.

        Raises:
            InvalidValue: the URL does not begin with ``https://``, or the sandbox has no such account.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html

        >>> with Sandbox(["111111111111"]) as aws:
        ...     aws.oidc_provider("https://token.actions.githubusercontent.com").provider_arn
        'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com'
        """
        return self._tokens.create_provider(url, self.account(account or self._ids[0]).id, audiences)

    def organization(
        self,
        units: Mapping[str, Iterable[str]] = MappingProxyType({}),
        *,
        management: str | None = None,
        access_role: str | None = ACCESS_ROLE,
    ) -> SandboxOrganization:
        """Make an organization of accounts of the sandbox, whose control policies are enforced.

        Policies, more accounts and units can be added with the result, and with the API of AWS Organizations.

        Args:
            units: the ids of the accounts in each organizational unit, by the path of the unit, such as
                ``Workloads/Production``; ``/`` for those directly in the root. A mapping has the names of the accounts
                by their ids. Units above others are created too.
            management: the id of the management account; None for the first account of the sandbox.
            access_role: the name of the role in each other account that the management account can assume; None for no
                role, as in accounts that were invited.

        Raises:
            InvalidValue: the sandbox has no such account, one of them is in another organization or twice in this one,
                or the path of a unit is malformed.
            ClientError: the management account is in an organization already.

        Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html

        >>> with Sandbox(["111111111111", "222222222222"]) as aws:
        ...     organization = aws.organization({"Workloads": ["222222222222"]})
        ...     deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
        ...     _ = organization.attach_scp("Workloads", {"Version": "2012-10-17", "Statement": [deny]})
        ...     s3 = aws.account("222222222222").session.client("s3")
        ...     try:
        ...         s3.list_buckets()
        ...     except s3.exceptions.ClientError as error:
        ...         print(error)
        An error occurred (AccessDenied) when calling the ListBuckets operation: User:
        arn:aws:iam::222222222222:user/Administrator is not authorized to perform: s3:ListAllMyBuckets on resource:
        "*" with an explicit deny in a service control policy
        """
        account = self.account(management or self._ids[0])
        return create_organization(
            units, session=account.session, management=account.id, access_role=access_role, state=self._state
        )

    def web_identity_token(
        self, account: str, provider: str, claims: Mapping[str, object] = MappingProxyType({}), *, duration: int = 3600
    ) -> str:
        """Return a token of an OpenID Connect provider, which sts:AssumeRoleWithWebIdentity accepts.

        STS accepts it for roles of accounts whose IAM has the provider, with the token's audience. `oidc_provider`
        creates the provider too.

        Args:
            account: the id of the account that trusts the provider.
            provider: the provider's name or ARN, such as ``token.actions.githubusercontent.com``.
            claims: the token's claims; by default ``sub`` is ``subject``, and ``aud`` is ``sts.amazonaws.com``.
            duration: the token's lifetime in seconds.

        Raises:
            InvalidValue: the sandbox has no such account, or the provider is none of OpenID Connect.
        """
        return self._tokens.issue(self.account(account).id, provider, claims, duration)

    def saml_provider(self, name: str, *, account: str | None = None) -> SamlProvider:
        """Return a SAML identity provider, such as Okta, with its provider in IAM of an account.

        Requires the extra ``xacct[saml]``. The provider is created unless the account has it already. STS verifies the
        signature of its assertions with the certificates of its metadata, and their audience, times and role.

        Args:
            name: the name of the provider in IAM.
            account: the account id; None for the first account of the sandbox.

        Raises:
            InvalidValue: the name has another form, the sandbox has no such account, or AWS does not publish the
                sign-in endpoint of its partition.
            ModuleNotFoundError: signxml is not installed.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_saml.html

        >>> with Sandbox(["111111111111"]) as aws:
        ...     aws.saml_provider("Okta").provider_arn
        'arn:aws:iam::111111111111:saml-provider/Okta'
        """
        return self._assertions.create_provider(name, self.account(account or self._ids[0]).id)

    def mfa_code(self, serial: str) -> str:
        """Return the current six-digit code of a virtual MFA device.

        Args:
            serial: the ARN of the device.

        Raises:
            InvalidValue: the device does not exist in the sandbox.
        """
        account = Arn.parse(serial, name="serial").account
        device = self._state.iam(account).virtual_mfa_devices.get(serial) if account in self._account_ids else None
        if device is None:
            raise InvalidValue("serial", serial, "the ARN of an existing virtual MFA device in the sandbox")
        return code_of_device(device.base32_string_seed, self.clock.now())

    def serve(self, port: int = 0) -> Server:
        """Serve the accounts over HTTP on 127.0.0.1, for the AWS CLI and other languages. IAM is enforced as well.

        The page ``/switchrole`` takes the parameters of a switch-role link.

        Args:
            port: the port to listen on; 0 for a free one.

        >>> with Sandbox(["111111111111"]) as aws, aws.serve() as server:
        ...     session = aws.account("111111111111").session
        ...     session.client("sts", endpoint_url=server.url).get_caller_identity()["Arn"]
        'arn:aws:iam::111111111111:user/Administrator'
        """
        return Server(port, self._pipeline.answer, lambda request: page(request, self))

    def environment(self, account: str, server: Server) -> dict[str, str]:
        """Return the environment variables that make other programs the administrator of an account.

        Args:
            account: the account id.
            server: the server that the programs connect to.

        Raises:
            InvalidValue: the sandbox has no such account.
        """
        key = self.account(account).key
        return {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
        }

    def aws_config(self, server: Server, names: Mapping[str, str] = MappingProxyType({})) -> str:
        """Return the text of an AWS config file, with a profile for the administrator of each account.

        Args:
            server: the server that other programs connect to.
            names: the names of the profiles, by account ID; by default, a profile is named as its account's ID.

        Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html

        >>> with Sandbox(["111111111111"]) as aws, aws.serve() as server:
        ...     print(*aws.aws_config(server, {"111111111111": "production"}).splitlines()[:2])
        [profile production] region = eu-central-1
        """
        return config_file(map(self.account, self._account_ids), self.region, server.url, names)

    def console_users(self) -> list[str]:
        """Return the ARNs of the users that have a console password."""
        users = (user for account in self._account_ids for user in self._state.iam(account).users.values())
        return [user.arn for user in users if user.password]

    @property
    def _account_ids(self) -> list[str]:
        """The ids of the accounts, those that were created later at the end; empty until the sandbox is opened."""
        created = sorted(self._state.accounts - set(self._ids))
        return [*self._ids, *created] if self._accounts else []

    def __repr__(self) -> str:
        return f"Sandbox({self._ids!r})"
