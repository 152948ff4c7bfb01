"""Explanations of errors that the sandbox returns: what is read, and which causes it shows."""

from __future__ import annotations

import json
import pickle
from datetime import datetime, timezone
from typing import Any, Literal

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.iam.models import iam_backends
from tests.access_denied.accounts import (
    ALICE,
    BUCKET,
    DEV,
    EVE,
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
)  # fmt: skip

import xacct
from xacct import AwsError, Explanation, InvalidValue, explain
from xacct.testing import Sandbox
from xacct.testing.error_responses import Refused

EXTERNAL_ID = {"StringEquals": {"sts:ExternalId": "acme-42"}}
DENIED = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def kinds(explanation: Explanation) -> list[str]:
    return [cause.kind for cause in explanation.causes]


def test_a_missing_identity_policy_is_named_with_the_statement_to_add(both: Both) -> None:
    explanation = both.explain(both.assuming())
    assert explanation.refused
    assert explanation.decisions[0].decided_by == ("identity",)
    assert f'"Resource": "{ROLE}"' in str(explanation)
    assert explanation.unread == ()


def test_what_an_explanation_has_can_be_imported_like_it(both: Both) -> None:
    found = explain(both.assuming(), both.dev, both.dev)
    assert {type(cause) for cause in found.causes} == {xacct.Cause}
    assert {type(item) for item in found.unread} == {xacct.Unread}


def test_an_explanation_is_plain_data_with_the_statement_to_add(both: Both) -> None:
    explanation = both.explain(both.assuming())
    data = json.loads(json.dumps(explanation.to_dict()))
    assert (data["explained"], data["certain"], data["refused"], data["unread"]) == (True, True, True, [])
    assert data["text"] == str(explanation)
    (cause,) = data["causes"]
    assert (cause["kind"], cause["missing_statement"]["Resource"]) == ("missing allow", ROLE)


def test_a_denial_that_no_policy_explains_is_not_explained(both: Both) -> None:
    both.give(allow("sts:AssumeRole", ROLE))
    explanation = explain(DENIED, both.prod, both.dev)
    assert kinds(explanation) == ["nothing found"]
    assert not explanation.explained


@pytest.mark.parametrize(
    "text",
    [
        f"12:00 ERROR An error occurred (AccessDenied) when calling the operation: {DENIED}\n12:01 INFO done",
        f"botocore.exceptions.ClientError: ({DENIED!r},)",
        f"the call failed: {DENIED}.",
        json.dumps({"errorMessage": DENIED}),
        json.dumps({"log": json.dumps({"errorMessage": DENIED})}),
        json.dumps({"log": f"{DENIED}\nTraceback"}),
        DENIED.replace(ROLE, f'"{ROLE}" because no identity-based policy allows it'),
        f"{DENIED}\nUser: {EVE} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::other",
    ],
)
def test_a_denial_is_found_in_a_text(both: Both, text: str) -> None:
    (decision,) = explain(text, both.prod, both.dev).decisions
    assert (decision.request.principal, decision.request.resource) == (ALICE, ROLE)


def test_the_name_of_an_object_can_have_blanks_and_end_in_a_parenthesis(both: Both) -> None:
    name = f"{BUCKET}/my report (1)"
    message = (
        f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "{name}" because no policy allows it'
    )
    assert explain(message, both.prod, both.dev).decisions[0].request.resource == name


def test_a_long_text_without_a_denial_is_not_repeated_in_the_error(both: Both) -> None:
    with pytest.raises(InvalidValue) as caught:
        explain("nothing to see here\n" * 500, both.prod, both.dev)
    assert len(str(caught.value)) < 500


def test_no_statement_is_suggested_for_what_the_trusting_side_does_not_allow(both: Both) -> None:
    both.trust(trusting(PROD))
    explanation = both.explain(both.assuming())
    assert kinds(explanation) == ["account not trusted", "missing allow"]
    assert "{" not in str(explanation)


def test_the_external_id_that_was_sent_is_masked_and_the_wanted_one_is_shown(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition=EXTERNAL_ID))
    explanation = both.explain(both.denied(external_id="globex-17"))
    (cause,) = explanation.causes
    assert (cause.kind, cause.wanted, cause.given) == ("external ID", ("acme-42",), ("gl... (9 characters)",))
    assert (cause.policy, cause.account) == ("trust policy of role Reader", PROD)
    for text in (str(explanation), repr(explanation)):
        assert "globex-17" not in text


def test_an_external_id_in_an_explicit_deny_is_masked_too(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    other = {"StringNotEquals": {"sts:ExternalId": "acme-42"}}
    both.trust(trusting(ALICE), deny("sts:AssumeRole", None, Principal="*", Condition=other))
    text = str(both.explain(both.denied(external_id="globex-17")))
    assert "sts:ExternalId 'acme-42' is met: the request has gl... (9 characters)" in text
    assert "globex-17" not in text


def test_the_context_says_what_a_request_sent_that_the_error_does_not_have(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition=EXTERNAL_ID))
    error = both.assuming(ExternalId="acme-43")
    unknown = both.explain(error)
    assert not unknown.certain
    assert "Not known: sts:ExternalId" in str(unknown)
    known = both.explain(error, context={"sts:ExternalId": "acme-43"})
    assert known.certain
    assert "Not known" not in str(known)
    assert not both.explain(error, context={"sts:ExternalId": "acme-42"}).refused


@pytest.mark.parametrize("name", ["Readers", "reader", "Raeder"])
def test_the_nearest_role_is_named_if_there_is_no_such_role(both: Both, name: str) -> None:
    both.give(allow("sts:AssumeRole"))
    explanation = both.explain(both.assuming(ROLE.replace("Reader", name)))
    (cause,) = explanation.causes
    assert (cause.kind, cause.account, cause.wanted) == ("no such role", PROD, (ROLE,))
    assert f"has no role {name}" in str(explanation)
    assert "Add" not in str(explanation)
    assert "trust policy" not in str(explanation)


def test_no_role_is_named_if_none_has_a_similar_name_or_if_roles_cannot_be_listed(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    missing = both.assuming(ROLE.replace("Reader", "Billing"))
    assert "No role of the account has a similar name." in str(both.explain(missing))
    both.aws.faults.add("denied", operation="ListRoles")
    text = str(both.explain(both.assuming(f"{ROLE}s")))
    assert "has no role Readers" in text
    assert "No similar name is shown, because its roles could not be listed." in text


def test_a_role_with_another_path_is_named_by_its_arn(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    (cause,) = both.explain(both.assuming(ROLE.replace("role/", "role/team/"))).causes
    assert (cause.kind, cause.wanted) == ("other role ARN", (ROLE,))


def test_a_role_that_cannot_be_read_is_not_called_missing(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.aws.faults.add("denied", operation="GetRole")
    explanation = both.explain(both.assuming(f"{ROLE}s"))
    assert kinds(explanation) == ["not read"]


def test_the_time_is_that_of_the_response(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition={"DateLessThan": {"aws:CurrentTime": "2999-01-31T00:00:00Z"}}))
    both.aws.clock.advance((datetime(2999, 2, 1, tzinfo=timezone.utc) - both.aws.clock.now()).total_seconds())
    error = both.assuming()
    assert not both.explain(error).refused
    error.response["ResponseMetadata"]["HTTPHeaders"]["date"] = "Fri, 01 Feb 2999 00:00:00 GMT"
    (cause,) = both.explain(error).causes
    assert (cause.kind, cause.given) == ("expired", ("2999-02-01T00:00:00Z",))
    wrapped = both.denied()
    assert isinstance(wrapped.__cause__, ClientError)
    wrapped.__cause__.response["ResponseMetadata"]["HTTPHeaders"]["date"] = "Fri, 01 Feb 2999 00:00:00 GMT"
    assert kinds(both.explain(wrapped)) == ["expired"]


def test_the_end_is_found_in_the_identity_policy_too(both: Both) -> None:
    ended = {"DateLessThan": {"aws:CurrentTime": "2026-01-31T18:00:00Z"}}
    both.give(allow("sts:AssumeRole", Condition=ended))
    both.trust(trusting(ALICE, Condition=ended))
    explanation = both.explain(both.assuming())
    assert [(cause.kind, cause.account) for cause in explanation.causes] == [("expired", PROD), ("expired", DEV)]
    assert explanation.certain


def test_groups_boundaries_and_managed_policies_are_read(both: Both) -> None:
    iam = both.dev.client("iam")
    iam.create_group(GroupName="developers")
    iam.put_group_policy(GroupName="developers", PolicyName="assume", PolicyDocument=document(allow("sts:AssumeRole")))
    iam.add_user_to_group(GroupName="developers", UserName="alice")
    arn = iam.create_policy(PolicyName="OnlyS3", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn)
    explanation = both.explain(both.assuming())
    assert explanation.decisions[0].decided_by == ("boundary",)
    assert explanation.unread == ()


def test_an_s3_message_without_details_is_explained_with_the_details_as_arguments(both: Both) -> None:
    both.bucket()
    both.give(allow("s3:GetObject"))
    error = both.getting(ALICE)
    with pytest.raises(InvalidValue, match=r"the message does not contain it: .*Access Denied"):
        both.explain(error)
    explanation = both.explain(error, principal=ALICE, action="s3:GetObject", resource=f"{BUCKET}/k")
    assert explanation.decisions[0].decided_by == ("resource",)
    assert explanation.decisions[0].request.resource_account == PROD


def test_the_key_of_an_encrypted_bucket_is_checked_too(both: Both) -> None:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    both.bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    both.let_role(allow("s3:GetObject"))
    error = both.getting()
    session = f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in"
    explanation = both.explain(error, principal=session, action="s3:GetObject", resource=f"{BUCKET}/k")
    assert [(decision.action, decision.allowed) for decision in explanation.decisions] == [
        ("s3:GetObject", True),
        ("kms:Decrypt", False),
    ]


def test_a_bucket_policy_that_denies_is_named(both: Both) -> None:
    both.bucket(deny("s3:PutObject", f"{BUCKET}/*", Principal="*"))
    error = both.refusal(both.prod.client("s3").put_object, Bucket="prod-reports", Key="k", Body=b"x")
    assert both.explain(error).decisions[0].decided_by == ("resource",)


def test_a_bucket_policy_is_judged_although_the_encryption_cannot_be_read(both: Both) -> None:
    both.bucket(allow("s3:ListBucket", BUCKET, Principal={"AWS": DEV}))
    both.give(allow("s3:GetObject"))
    both.aws.faults.add("denied", operation="GetBucketEncryption")
    both.aws.faults.add("denied", operation="ListBuckets", at=2)
    request = {"principal": ALICE, "action": "s3:GetObject", "resource": f"{BUCKET}/k"}
    explanation = both.explain(both.getting(ALICE), **request)
    assert kinds(explanation) == ["missing allow"]
    assert [str(item) for item in explanation.unread] == ["encryption of bucket prod-reports (AccessDenied)"]


def test_the_policy_of_a_key_is_read(both: Both) -> None:
    kms = both.prod.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    secret = kms.encrypt(KeyId=key, Plaintext=b"42")["CiphertextBlob"]
    both.give(allow("kms:*"))
    error = both.refusal(both.aws.sign_in(ALICE).client("kms").decrypt, CiphertextBlob=secret)
    assert both.explain(error).decisions[0].decided_by == ("resource",)


def test_nothing_is_advised_on_policies_that_could_not_be_read(both: Both) -> None:
    explanation = explain(both.assuming(), both.prod, both.aws.sign_in(ALICE))
    assert "inline policies of user alice (AccessDenied)" in map(str, explanation.unread)
    assert kinds(explanation) == ["not read"]
    assert not explanation.certain
    lines = str(explanation).splitlines()
    assert lines[2].startswith("Not read (AccessDenied): groups, inline policies")
    assert "{" not in str(explanation)


def test_one_policy_that_could_not_be_read_is_enough_for_no_advice(both: Both) -> None:
    iam = both.dev.client("iam")
    arn = iam.create_policy(PolicyName="Own", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="alice", PolicyArn=arn)
    both.aws.faults.add("denied", operation="GetPolicy")
    explanation = both.explain(both.assuming())
    assert kinds(explanation) == ["not read"]
    assert "policy Own of user alice (AccessDenied)" in map(str, explanation.unread)


def test_a_policy_that_is_not_understood_is_listed_and_raises_no_error(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    iam: Any = iam_backends[PROD]["aws"]
    (role,) = (role for role in iam.roles.values() if role.name == "Reader")
    role.assume_role_policy_document = document({"Effect": "Perhaps", "Action": "sts:AssumeRole"})
    explanation = both.explain(DENIED)
    assert kinds(explanation) == ["not read"]
    (unread,) = explanation.unread
    assert unread.what == "trust policy of role Reader"
    assert unread.why.startswith("not understood: ")


def test_a_caller_of_a_third_account_has_no_policies_to_read(both: Both) -> None:
    explanation = both.explain(DENIED.replace(DEV, "444444444444"))
    assert "policies of user alice (no session of account 444444444444)" in map(str, explanation.unread)
    assert kinds(explanation) == ["account not trusted"]


def test_a_key_that_cannot_be_read_is_what_is_left(both: Both) -> None:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    both.bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    both.let_role(allow("s3:GetObject"))
    both.aws.faults.add("denied", operation="DescribeKey")
    request = {"principal": f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in", "action": "s3:GetObject"}
    explanation = both.explain("Access Denied", **request, resource=f"{BUCKET}/k")
    assert [str(item) for item in explanation.unread] == [f"key {key} (AccessDeniedException)"]
    (cause,) = explanation.causes
    assert cause.facts[0] == "what could not be read"


def test_the_policy_of_a_key_that_cannot_be_read_gives_no_advice(both: Both) -> None:
    key = both.prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
    both.bucket(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    both.let_role(allow("s3:GetObject"), allow("kms:Decrypt"))
    both.aws.faults.add("denied", operation="GetKeyPolicy")
    request = {"principal": f"arn:aws:sts::{PROD}:assumed-role/Reader/sign-in", "action": "s3:GetObject"}
    assert kinds(both.explain("Access Denied", **request, resource=f"{BUCKET}/k")) == ["not read"]


def test_an_explicit_deny_is_certain_whatever_else_could_not_be_read(both: Both) -> None:
    both.give(deny("sts:*"))
    both.aws.faults.add("denied", operation="ListGroupsForUser")
    both.aws.faults.add("denied", operation="GetRole")
    explanation = both.explain(both.assuming())
    assert kinds(explanation) == ["explicit deny"]
    assert explanation.certain


def test_policies_of_a_third_account_are_listed_as_unread(both: Both) -> None:
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::444444444444:role/R"
    assert [str(item) for item in both.explain(text).unread] == [
        "resource control policies of account 444444444444 (no session of account 444444444444)",
        "trust policy of role R (no session of account 444444444444)",
    ]


def test_the_policy_of_another_kind_of_resource_is_listed_as_unread(both: Both) -> None:
    queue = f"arn:aws:sqs:{REGION}:{PROD}:orders"
    both.give(allow("sqs:SendMessage"))
    explanation = both.explain(f"User: {ALICE} is not authorized to perform: sqs:SendMessage on resource: {queue}")
    assert kinds(explanation) == ["not read"]
    assert [str(item) for item in explanation.unread] == [
        f"resource policy of {queue} (only those of buckets, keys and roles are read)"
    ]


def test_a_trust_policy_does_not_decide_about_reading_the_role(both: Both) -> None:
    both.give(allow("iam:GetRole"))
    (cause,) = both.explain(DENIED.replace("sts:AssumeRole", "iam:GetRole")).causes
    assert cause.kind == "no resource policy"


def test_an_aws_managed_policy_is_used_in_the_callers_account(both: Both) -> None:
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    explanation = both.explain(DENIED.replace("sts:AssumeRole", "iam:GetPolicy").replace(ROLE, policy))
    assert [(cause.kind, cause.account) for cause in explanation.causes] == [("missing allow", DEV)]


def test_the_user_behind_a_federated_user_is_not_known(both: Both) -> None:
    explanation = both.explain(DENIED.replace(ALICE, f"arn:aws:sts::{DEV}:federated-user/alice"))
    assert "the ARN does not name the user" in str(explanation)
    assert "missing allow" not in kinds(explanation)


def test_other_causes_are_listed_if_the_policies_allow_the_request(both: Both) -> None:
    error = both.assuming()
    both.give(allow("sts:AssumeRole"))
    explanation = both.explain(error)
    assert not explanation.refused
    assert kinds(explanation) == ["nothing found"]
    assert "The policies that were read allow the request." in str(explanation)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", "session duration"),
        ("MultiFactorAuthentication failed with invalid MFA one time pass code.", "MFA code"),
        ("Roles may not be assumed by root accounts.", "root user"),
        (
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            "role chaining",
        ),
    ],
)
def test_what_aws_rejects_itself_needs_no_policies(both: Both, message: str, kind: str) -> None:
    calls = len(both.aws.calls)
    explanation = both.explain(message)
    assert kinds(explanation) == [kind]
    assert explanation.certain
    assert not explanation.refused
    assert len(both.aws.calls) == calls


def test_the_longest_session_of_the_role_is_named_if_it_can_be_read(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    error = both.assuming(DurationSeconds=7200)
    assert "at most its MaxSessionDuration" in str(both.explain("exceeds the MaxSessionDuration"))
    assert "at most 3600 seconds" in str(both.explain(str(error), resource=ROLE))


def test_the_root_user_has_no_policies_to_read(both: Both) -> None:
    explanation = both.explain(DENIED.replace("user/alice", "root"))
    assert kinds(explanation) == ["root user"]


def test_a_bucket_that_neither_account_lists_is_noted(both: Both) -> None:
    text = f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::elsewhere/k"'
    assert both.explain(text).notes == (
        f"neither account lists bucket elsewhere; it is assumed to belong to account {DEV}",
    )


def test_buckets_that_cannot_be_listed_are_unread(both: Both) -> None:
    both.aws.faults.add("denied", operation="ListBuckets")
    text = f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "{BUCKET}/k"'
    unread = [str(item) for item in both.explain(text).unread]
    assert [f"buckets of account {account} (AccessDenied)" for account in (PROD, DEV)] == unread[:2]


def test_actions_without_a_resource_are_decided_in_the_callers_account(both: Both) -> None:
    error = both.refusal(both.aws.sign_in(ALICE).client("s3").list_buckets)
    assert both.explain(error).decisions[0].request.resource == "*"


def test_control_policies_do_not_apply_to_the_management_account(both: Both) -> None:
    both.aws.organization(management=DEV).attach_scp(DEV, document(deny("*")))
    both.give(allow("sts:AssumeRole"))
    explanation = both.explain(DENIED)
    assert not explanation.refused
    assert explanation.unread == ()


def test_every_level_of_the_organization_has_to_allow_unless_control_policies_are_disabled(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    organizations = join_organization(both, DEV, management=PROD).client("organizations")
    guard = attach(both.prod, DEV, "SERVICE_CONTROL_POLICY", allow("s3:*"))
    (root,) = organizations.list_roots()["Roots"]
    full = "p-FullAWSAccess"
    organizations.attach_policy(PolicyId=guard, TargetId=root["Id"])
    for target in (DEV, root["Id"]):
        attached = organizations.list_policies_for_target(TargetId=target, Filter="SERVICE_CONTROL_POLICY")["Policies"]
        if any(policy.get("Id") == full for policy in attached):
            organizations.detach_policy(PolicyId=full, TargetId=target)
    (cause,) = both.explain(DENIED).causes
    assert (cause.kind, cause.layer, cause.account) == ("missing allow", "scp", DEV)
    organizations.disable_policy_type(RootId=root["Id"], PolicyType="SERVICE_CONTROL_POLICY")
    assert kinds(both.explain(DENIED)) == ["nothing found"]


def test_the_control_policy_that_allows_everything_is_not_named(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    join_organization(both, PROD, management=DEV)
    (cause,) = both.explain(DENIED).causes
    assert cause.statements == ("trust policy of role Reader, statement 1", "policy own of user alice, statement 1")


def test_the_organization_of_the_caller_is_read(both: Both) -> None:
    organization = both.dev.client("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting("*", Condition={"StringEquals": {"aws:PrincipalOrgID": organization}}))
    assert not both.explain(DENIED).refused
    both.trust(trusting("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}))
    (cause,) = both.explain(DENIED).causes
    assert (cause.kind, cause.given, cause.certain) == ("organization", (organization,), True)


def test_an_organization_that_cannot_be_read_is_not_known(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}))
    for operation in ("DescribeOrganization", "ListPoliciesForTarget"):
        both.aws.faults.add(Refused("AccessDeniedException", "No."), operation=operation)
    explanation = both.explain(DENIED)
    (cause,) = explanation.causes
    assert (cause.kind, cause.unknown_keys, cause.certain) == ("organization", ("aws:PrincipalOrgID",), False)
    assert f"service control policies of account {DEV} (AccessDeniedException)" in map(str, explanation.unread)


def test_a_kind_of_policy_that_aws_names_and_nobody_can_read_is_the_likely_cause(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    explanation = both.explain(f"{DENIED} because no session policy allows the sts:AssumeRole action")
    (cause,) = explanation.causes
    assert (cause.kind, cause.layer, cause.certain) == ("named by AWS", "session", False)
    assert explanation.notes == ()


def test_a_message_that_names_another_kind_of_policy_is_noted(both: Both) -> None:
    both.bucket(allow("s3:GetObject", f"{BUCKET}/*", Principal={"AWS": DEV}))
    text = (
        f'User: {ALICE} is not authorized to perform: s3:GetObject on resource: "{BUCKET}/k" because '
        "no resource-based policy allows the s3:GetObject action"
    )
    (note,) = both.explain(text).notes
    assert note.startswith("AWS's message names the resource-based policy")
    assert note.endswith("by the policies that were read, the identity-based policy denies")


def test_the_region_and_partition_of_the_bucket_select_the_service_that_uses_the_key() -> None:
    region: Literal["cn-northwest-1"] = "cn-northwest-1"
    with Sandbox([PROD, DEV], partition="aws-cn", region=region) as aws:
        prod, dev = (aws.account(account).session for account in (PROD, DEV))
        key = prod.client("kms").create_key()["KeyMetadata"]["KeyId"]
        s3 = prod.client("s3")
        s3.create_bucket(Bucket="prod-reports", CreateBucketConfiguration={"LocationConstraint": region})
        rules: Any = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        s3.put_bucket_encryption(Bucket="prod-reports", ServerSideEncryptionConfiguration={"Rules": rules})
        explanation = explain(
            "Access Denied",
            prod,
            dev,
            principal=f"arn:aws-cn:iam::{PROD}:user/Administrator",
            action="s3:GetObject",
            resource="arn:aws-cn:s3:::prod-reports/k",
        )
    request = explanation.decisions[1].request
    assert request.context["kms:viaservice"] == ("s3.cn-northwest-1.amazonaws.com.cn",)


def test_a_session_whose_credentials_do_not_work_is_named(both: Both) -> None:
    unknown = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    with pytest.raises(AwsError, match="caller identity of the trusted session") as error:
        explain(text, both.prod, unknown)
    assert error.value.code == "InvalidClientTokenId"


def test_a_session_without_credentials_is_named(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = boto3.Session(region_name=REGION)
    monkeypatch.setattr(empty._session, "get_credentials", lambda: None)
    text = f"User: {ALICE} is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    with pytest.raises(AwsError, match="caller identity of the trusted session failed: its credentials were not found"):
        explain(text, both.prod, empty)


def test_an_error_of_assume_role_brings_its_request_with_it(both: Both) -> None:
    both.give(allow("sts:AssumeRole"))
    both.trust(trusting(ALICE, Condition=EXTERNAL_ID))
    copied = pickle.loads(pickle.dumps(both.denied(external_id="acme-43")))
    assert (copied.role_arn, copied.context) == (ROLE, {"sts:RoleSessionName": "test", "sts:ExternalId": "acme-43"})
    (cause,) = both.explain(copied).causes
    assert (cause.kind, cause.given, cause.certain) == ("external ID", ("ac... (7 characters)",), True)
    assert not both.explain(copied, context={"sts:ExternalId": "acme-42"}).refused


def test_an_explanation_can_be_pickled(both: Both) -> None:
    explanation = both.explain(both.assuming())
    assert pickle.loads(pickle.dumps(explanation.causes)) == explanation.causes


@pytest.mark.parametrize(
    ("named", "resource"),
    [
        ("role Reader", f"arn:aws:iam::{DEV}:role/Reader"),
        ("user bob", f"arn:aws:iam::{DEV}:user/bob"),
        ("policy path /", f"arn:aws:iam::{DEV}:policy/"),
        (f"policy arn:aws:iam::{DEV}:policy/P", f"arn:aws:iam::{DEV}:policy/P"),
        (f"arn:aws:iam::{DEV}:user/bob", f"arn:aws:iam::{DEV}:user/bob"),
    ],
)
def test_a_resource_that_iam_names_by_its_kind_is_in_the_callers_account(both: Both, named: str, resource: str) -> None:
    text = f"User: {ALICE} is not authorized to perform: iam:GetRole on resource: {named} because no identity-based"
    assert both.explain(f"{text} policy allows the iam:GetRole action").decisions[0].request.resource == resource
