"""The text of each explanation, in ``explanations/``, of an error that a real call in the sandbox raised.

The sandbox does not enforce service and resource control policies. For those, the call is denied with AWS's message,
and the policies are read from the sandbox's organization.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from tests.access_denied.accounts import (
    ALICE,
    BUCKET,
    DEV,
    EVE,
    OTHER,
    PROD,
    REGION,
    ROLE,
    Both,
    allow,
    attach,
    deny,
    document,
    join_organization,
    trusting,
)

from xacct import AssumeRoleDenied, Explanation, assume_role, assume_role_with_web_identity, explain
from xacct.testing.error_responses import Refused

SCENARIOS: dict[str, Callable[[Both], Explanation]] = {}
LINES, CHARACTERS = 24, 100


GITHUB = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{PROD}:oidc-provider/{GITHUB}"


def from_github(**more: Any) -> dict[str, Any]:
    """Return the statement of a trust policy for tokens of GitHub."""
    return {**allow("sts:AssumeRoleWithWebIdentity", None, Principal={"Federated": PROVIDER}), **more}


def trust_providers(both: Both, *statements: dict[str, Any]) -> None:
    """Let PROD have GitHub and GitLab as identity providers, and its role have a trust policy."""
    for name in (GITHUB, "gitlab.com"):
        both.prod.client("iam").create_open_id_connect_provider(
            Url=f"https://{name}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )
    both.trust(*statements)


def with_token(both: Both, role: str = ROLE, **claims: str) -> AssumeRoleDenied:
    """Return the error of assuming a role with a token of GitHub."""
    token = both.aws.web_identity_token(PROD, GITHUB, claims)
    with pytest.raises(AssumeRoleDenied) as caught:
        assume_role_with_web_identity(role, token, session_name="test", region=REGION)
    return caught.value


def scenario(build: Callable[[Both], Explanation]) -> Callable[[Both], Explanation]:
    SCENARIOS[build.__name__] = build
    return build


@scenario
def missing_identity_policy(both: Both) -> Explanation:
    return both.explain(both.assuming())


@scenario
def identity_policy_names_another_role(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole", f"arn:aws:iam::{PROD}:role/Raeder"))
    return both.explain(both.assuming())


@scenario
def missing_trust(both: Both) -> Explanation:
    for name in ("bob", "carol"):
        both.dev.client("iam").create_user(UserName=name)
    both.trust(trusting(f"arn:aws:iam::{DEV}:user/bob", f"arn:aws:iam::{DEV}:user/carol"))
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming())


@scenario
def nothing_on_either_side(both: Both) -> Explanation:
    both.trust(trusting(PROD))
    return both.explain(both.assuming())


@scenario
def many_trusted(both: Both) -> Explanation:
    names = [f"engineer-{number:02}" for number in range(12)]
    for name in names:
        both.dev.client("iam").create_user(UserName=name)
    both.trust(trusting(*(f"arn:aws:iam::{DEV}:user/{name}" for name in names)))
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming())


@scenario
def stranger(both: Both) -> Explanation:
    both.aws.account(OTHER).session.client("iam").create_user(UserName="eve")
    both.give(allow("sts:AssumeRole"), user="eve")
    return explain(both.assuming(caller=EVE), both.prod, both.aws.account(OTHER).session)


@scenario
def wrong_external_id(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    return both.explain(both.denied(external_id="globex-17"))


@scenario
def missing_external_id(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    return both.explain(both.denied())


@scenario
def external_id_of_an_unknown_request(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    return both.explain(both.assuming(ExternalId="globex-17"))


@scenario
def missing_mfa(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    return both.explain(both.denied())


@scenario
def expired(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"DateLessThan": {"aws:CurrentTime": "2026-01-31T18:00:00Z"}}))
    return both.explain(both.assuming(), context={"aws:CurrentTime": "2026-02-01T02:14:00Z"})


@scenario
def not_yet_valid(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"DateGreaterThan": {"aws:CurrentTime": "2999-01-01T06:00:00Z"}}))
    return both.explain(both.assuming(), context={"aws:CurrentTime": "2026-02-01T02:14:00Z"})


@scenario
def wrong_role_name(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming(f"{ROLE}s"))


@scenario
def wrong_role_path(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming(ROLE.replace("role/", "role/team/")))


@scenario
def trusted_user_created_again(both: Both) -> Explanation:
    iam = both.dev.client("iam")
    iam.delete_user(UserName="alice")
    iam.create_user(UserName="alice")
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming())


@scenario
def another_organization(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}))
    return both.explain(both.assuming())


@scenario
def another_network(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.0/24"]}}))
    return both.explain(both.assuming(), context={"aws:SourceIp": "192.0.2.7"})


@scenario
def permissions_boundary(both: Both) -> Explanation:
    iam = both.dev.client("iam")
    both.give(allow("sts:AssumeRole", ROLE))
    arn = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
    return both.explain(both.assuming())


@scenario
def denied_by_the_identity_policy(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"), deny("sts:*", f"arn:aws:iam::{PROD}:role/*", Sid="NotProduction"))
    return both.explain(both.assuming())


@scenario
def denied_by_the_trust_policy(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    outside = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    both.trust(trusting(ALICE), deny("sts:AssumeRole", None, Principal="*", Condition=outside, Sid="Office"))
    return both.explain(both.assuming(), context={"aws:SourceIp": "192.0.2.7"})


@scenario
def service_control_policy(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    management = join_organization(both, DEV, management=PROD)
    attach(management, DEV, "SERVICE_CONTROL_POLICY", deny("sts:AssumeRole", Sid="StayInside"))
    return both.explain(refused(both, "with an explicit deny in a service control policy"))


@scenario
def service_control_policy_not_readable(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    join_organization(both, DEV, management=OTHER)
    only_management = Refused("AccessDeniedException", "You don't have permissions to access this resource.")
    both.aws.faults.add(only_management, operation="ListPoliciesForTarget")
    return both.explain(refused(both, "with an explicit deny in a service control policy"))


@scenario
def resource_control_policy(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    management = join_organization(both, PROD, management=DEV)
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalAccount": PROD}}
    attach(management, PROD, "RESOURCE_CONTROL_POLICY", deny("sts:*", Principal="*", Condition=outside))
    return both.explain(refused(both, "with an explicit deny in a resource control policy"))


@scenario
def session_policy(both: Both) -> Explanation:
    both.bucket()
    both.give(allow("sts:AssumeRole"))
    both.let_role(allow("s3:GetObject", f"{BUCKET}/*"))
    session = assume_role(both.aws.sign_in(ALICE), ROLE, session_name="test", policy=document(allow("s3:ListBucket")))
    return both.explain(both.getting(session))


@scenario
def denied_by_the_bucket_after_assuming_the_role(both: Both) -> Explanation:
    without_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    both.bucket(deny("s3:*", f"{BUCKET}/*", Principal="*", Condition=without_mfa))
    both.give(allow("sts:AssumeRole"))
    both.let_role(allow("s3:GetObject", f"{BUCKET}/*"))
    session = assume_role(both.aws.sign_in(ALICE), ROLE, session_name="test")
    return both.explain(both.getting(session), context={"aws:MultiFactorAuthPresent": "false"})


@scenario
def another_prefix(both: Both) -> Explanation:
    both.bucket()
    both.let_role(allow("s3:GetObject", [f"{BUCKET}/2026/*", f"{BUCKET}/2027/*"]))  # type: ignore[arg-type]
    return both.explain(both.getting())


@scenario
def no_bucket_policy(both: Both) -> Explanation:
    both.bucket()
    both.give(allow("s3:GetObject"))
    request = {"principal": ALICE, "action": "s3:GetObject", "resource": f"{BUCKET}/k"}
    return both.explain(both.getting(ALICE), **request)


@scenario
def key_policy(both: Both) -> Explanation:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    both.bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    both.let_role(allow("s3:GetObject"), allow("kms:Decrypt"))
    administrator = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{PROD}:user/Administrator"})
    both.prod.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document(administrator))
    return both.explain(both.getting())


@scenario
def identity_policy_without_the_key(both: Both) -> Explanation:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    both.bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    both.let_role(allow("s3:GetObject"))
    request = {"principal": f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in", "action": "s3:GetObject"}
    return both.explain(both.getting(), **request, resource=f"{BUCKET}/k")


@scenario
def session_too_long(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    return both.explain(both.assuming(DurationSeconds=7200), resource=ROLE)


@scenario
def role_chaining(both: Both) -> Explanation:
    both.prod.client("iam").update_role(RoleName="Reader", MaxSessionDuration=43200)
    both.trust(trusting(PROD))
    both.let_role(allow("sts:AssumeRole"))
    return both.explain(both.assuming(caller=ROLE, DurationSeconds=7200))


@scenario
def root_user(both: Both) -> Explanation:
    return both.explain(both.assuming(caller=f"arn:aws:iam::{DEV}:root"))


@scenario
def root_user_named_by_the_message(both: Both) -> Explanation:
    both.trust(trusting(DEV))
    root = f"arn:aws:iam::{DEV}:root"
    return both.explain(f"User: {root} is not authorized to perform: sts:AssumeRole on resource: {ROLE}")


@scenario
def service_linked_role(both: Both) -> Explanation:
    iam = both.dev.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    both.give(allow("iam:*"))
    error = both.refusal(both.aws.sign_in(ALICE).client("iam").delete_role, RoleName=role["RoleName"])
    return both.explain(error, principal=ALICE, action="iam:DeleteRole", resource=role["Arn"])


@scenario
def role_of_identity_center(both: Both) -> Explanation:
    both.give(allow("iam:*"))
    role = f"arn:aws:iam::{DEV}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef"
    return both.explain("", principal=ALICE, action="iam:PutRolePolicy", resource=role)


@scenario
def aws_managed_policy(both: Both) -> Explanation:
    both.give(allow("iam:*"))
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    change = both.aws.sign_in(ALICE).client("iam").create_policy_version
    error = both.refusal(change, PolicyArn=policy, PolicyDocument=document(allow("s3:Get*")), SetAsDefault=True)
    return both.explain(error, principal=ALICE, action="iam:CreatePolicyVersion", resource=policy)


@scenario
def alias_of_an_aws_managed_key(both: Both) -> Explanation:
    both.give(allow("kms:*"))
    alias = f"arn:aws:kms:{REGION}:{DEV}:alias/aws/s3"
    return both.explain("", principal=ALICE, action="kms:DeleteAlias", resource=alias)


@scenario
def aws_managed_policy_that_a_policy_denies_to_change(both: Both) -> Explanation:
    both.give(allow("iam:*"), deny("iam:CreatePolicyVersion", Sid="NoVersions"))
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    return both.explain("", principal=ALICE, action="iam:CreatePolicyVersion", resource=policy)


@scenario
def aws_managed_policy_changed_by_the_root_user(both: Both) -> Explanation:
    root, policy = f"arn:aws:iam::{DEV}:root", "arn:aws:iam::aws:policy/ReadOnlyAccess"
    return both.explain("", principal=root, action="iam:DeletePolicy", resource=policy)


@scenario
def plain_user(both: Both) -> Explanation:
    alice = both.aws.sign_in(ALICE)
    return explain(both.assuming(), alice, alice)


@scenario
def callers_side_not_readable(both: Both) -> Explanation:
    return explain(both.assuming(), both.prod, both.aws.sign_in(ALICE))


@scenario
def trusting_side_not_readable(both: Both) -> Explanation:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"StringEquals": {"sts:ExternalId": "acme-42"}}))
    return explain(both.assuming(), both.dev, both.dev)


@scenario
def everything_allows(both: Both) -> Explanation:
    error = both.assuming()
    both.give(allow("sts:AssumeRole"))
    return both.explain(error)


@scenario
def claim_of_another_branch(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringLike": {f"{GITHUB}:sub": "repo:octo/app:ref:refs/heads/main"}}))
    return explain(with_token(both, sub="repo:octo/app:ref:refs/heads/dev"), both.prod)


@scenario
def claim_with_a_wildcard_that_is_none(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringEquals": {f"{GITHUB}:sub": "repo:octo/app:*"}}))
    return explain(with_token(both, sub="repo:octo/app:ref:refs/heads/main"), both.prod)


@scenario
def claim_that_the_token_lacks(both: Both) -> Explanation:
    wanted = {f"{GITHUB}:aud": "sts.amazonaws.com", f"{GITHUB}:environment": ["prod", "staging"]}
    trust_providers(both, from_github(Condition={"StringEquals": wanted}))
    return explain(with_token(both), both.prod)


@scenario
def claim_with_the_address_of_a_person(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringEquals": {f"{GITHUB}:email": "alice@example.com"}}))
    return explain(with_token(both, email="mallory@example.com"), both.prod)


@scenario
def claim_of_an_unknown_token(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringLike": {f"{GITHUB}:sub": "repo:octo/app:*"}}))
    sts = both.aws.account(PROD).session.client("sts", config=Config(signature_version=UNSIGNED))
    token = both.aws.web_identity_token(PROD, GITHUB, {"sub": "repo:other/app:ref:refs/heads/main"})
    error = both.refusal(
        sts.assume_role_with_web_identity, RoleArn=ROLE, RoleSessionName="test", WebIdentityToken=token
    )
    return explain(error, both.prod, principal=PROVIDER, resource=ROLE)


@scenario
def claim_that_a_statement_denies(both: Both) -> Explanation:
    denied = deny("sts:*", None, Principal="*", Condition={"StringLike": {f"{GITHUB}:sub": "*:pull_request"}})
    trust_providers(both, from_github(), denied)
    return explain(with_token(both, sub="repo:octo/app:pull_request"), both.prod)


@scenario
def another_provider(both: Both) -> Explanation:
    trust_providers(both, from_github(Principal={"Federated": PROVIDER.replace(GITHUB, "gitlab.com")}), trusting(ALICE))
    return explain(with_token(both), both.prod)


@scenario
def provider_trusted_for_another_action(both: Both) -> Explanation:
    trust_providers(both, from_github(Action="sts:AssumeRole"))
    return explain(with_token(both), both.prod)


@scenario
def wrong_role_name_with_a_token(both: Both) -> Explanation:
    trust_providers(both, from_github())
    return explain(with_token(both, role=f"{ROLE}s"), both.prod)


@scenario
def trust_policy_that_a_workload_cannot_read(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringLike": {f"{GITHUB}:sub": "repo:octo/app:*"}}))
    return explain(with_token(both, sub="repo:other/app:ref:refs/heads/main"), both.dev)


@scenario
def everything_allows_a_token(both: Both) -> Explanation:
    trust_providers(both, from_github(Condition={"StringLike": {f"{GITHUB}:sub": "repo:octo/app:*"}}))
    error = with_token(both, sub="repo:other/app:ref:refs/heads/main")
    both.trust(from_github())
    return explain(error, both.prod)


def refused(both: Both, reason: str) -> Any:
    """Return the error of assuming the role, which is denied with AWS's message for a control policy."""
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE} {reason}"
    both.aws.faults.add(Refused("AccessDenied", text, 403), operation="AssumeRole")
    return both.assuming()


def without_generated_ids(text: str) -> str:
    text = re.sub(r"key([ /])[0-9a-f-]{36}", r"key\g<1>1234abcd-12ab-34cd-56ef-1234567890ab", text)
    return re.sub(r"AIDA\w+", "AIDAIOSFODNN7EXAMPLE", text)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_text_is_the_reviewed_one(both: Both, name: str) -> None:
    file = Path(__file__).parent / "explanations" / f"{name}.txt"
    assert without_generated_ids(str(SCENARIOS[name](both))) + "\n" == file.read_text()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_reviewed_text_fits_on_a_screen(name: str) -> None:
    lines = (Path(__file__).parent / "explanations" / f"{name}.txt").read_text().splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= CHARACTERS


def test_every_reviewed_text_has_a_scenario() -> None:
    texts = {file.stem for file in (Path(__file__).parent / "explanations").iterdir()}
    assert texts == set(SCENARIOS)
    assert len(texts) >= 20
