"""AssumeRoleWithSAML in the sandbox: the assertion, its signature and the trust policy are checked as AWS does."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import sha1
from typing import Any

import boto3
import lxml.etree as etree
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from hypothesis import given, strategies as st
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from xacct.arn import Arn, partition
from xacct.errors import InvalidValue
from xacct.testing import Clock, SamlProvider, Sandbox
from xacct.testing.error_responses import Refused
from xacct.testing.moto_state import MotoState
from xacct.testing.saml_assertions import SamlAssertions
from xacct.testing.saml_names import ATTRIBUTES, NAMESPACES
from xacct.testing.saml_provider import _signing_key, saml_response

from .conftest import DEV, PROD, REGION, Two, document, refusal

ROLE = f"arn:aws:iam::{PROD}:role/Admin"
OKTA = f"arn:aws:iam::{PROD}:saml-provider/Okta"
SIGN_IN = "https://signin.aws.amazon.com/saml"
TRUST: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Federated": OKTA},
    "Action": "sts:AssumeRoleWithSAML",
    "Condition": {"StringEquals": {"SAML:aud": SIGN_IN}},
}
DENIED = "403 AccessDenied: Not authorized to perform sts:AssumeRoleWithSAML"
BAD_SIGNATURE = "400 InvalidIdentityToken: Response signature invalid"
NO_RESPONSE = "400 InvalidIdentityToken: Invalid base64 SAMLResponse (Service: AWSOpenIdDiscoveryService; "


@pytest.fixture
def okta(two: Two) -> SamlProvider:
    """The provider of production, which a role trusts."""
    provider = two.aws.saml_provider("Okta")
    trust(two, TRUST, create=True)
    return provider


@pytest.fixture
def sts() -> Any:
    """A client without credentials."""
    return boto3.Session(region_name=REGION).client("sts", config=Config(signature_version=UNSIGNED))


def trust(two: Two, statement: dict[str, Any], *, create: bool = False) -> None:
    iam = two.prod.client("iam")
    if create:
        iam.create_role(RoleName="Admin", AssumeRolePolicyDocument=document(statement))
    else:
        iam.update_assume_role_policy(RoleName="Admin", PolicyDocument=document(statement))


def call(sts: Any, assertion: str, **options: Any) -> Any:
    return sts.assume_role_with_saml(**{"RoleArn": ROLE, "PrincipalArn": OKTA, "SAMLAssertion": assertion, **options})


def refused(sts: Any, assertion: str, **options: Any) -> str:
    return refusal(lambda: call(sts, assertion, **options))


def session_of(aws: Sandbox, answer: Any) -> Any:
    keys = answer["Credentials"]
    return aws._credentials.valid_session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def edited(response: str, *changes: tuple[str, str]) -> str:
    """Return a response with parts of its text replaced."""
    text = b64decode(response).decode()
    for before, after in changes:
        text, count = re.subn(before, after, text, flags=re.DOTALL)
        assert count
    return b64encode(text.encode()).decode()


def signed(two: Two, body: str, provider: str = "Okta", issued: timedelta = timedelta(0)) -> str:
    """Return a response of a provider with an assertion of any elements."""
    now = two.aws.clock.now()
    stamps = {name: (now + timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z") for name, s in STAMPS.items()}
    entity_id = f"https://{provider}.example.com/saml"
    return b64encode(saml_response(entity_id, body.format(**stamps), now + issued)).decode()


STAMPS = {"past": -2, "soon": 120, "later": 1200}
NAME_ID = "<saml:NameID>alice</saml:NameID>"
CONFIRMATION = (
    f'<saml:SubjectConfirmation><saml:SubjectConfirmationData NotOnOrAfter="{{soon}}" Recipient="{SIGN_IN}"/>'
    "</saml:SubjectConfirmation>"
)
SUBJECT = f"<saml:Subject>{NAME_ID}{CONFIRMATION}</saml:Subject>"
AUDIENCE = f"<saml:AudienceRestriction><saml:Audience>{SIGN_IN}</saml:Audience></saml:AudienceRestriction>"
CONDITIONS = f"<saml:Conditions>{AUDIENCE}</saml:Conditions>"
STATEMENT = (
    f'<saml:AttributeStatement><saml:Attribute Name="{ATTRIBUTES}Role"><saml:AttributeValue>{OKTA}, {ROLE}'
    f'</saml:AttributeValue></saml:Attribute><saml:Attribute Name="{ATTRIBUTES}RoleSessionName">'
    "<saml:AttributeValue>alice</saml:AttributeValue></saml:Attribute></saml:AttributeStatement>"
)


def test_a_signed_assertion_opens_a_role_session(two: Two, okta: SamlProvider, sts: Any) -> None:
    answer = call(sts, okta.assertion(ROLE, name_id="alice@example.com"))
    arn = f"arn:aws:sts::{PROD}:assumed-role/Admin/alice@example.com"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert (answer["Subject"], answer["SubjectType"]) == ("alice@example.com", "persistent")
    assert (answer["Issuer"], answer["Audience"]) == (okta.entity_id, SIGN_IN)
    assert answer["Credentials"]["Expiration"] - two.aws.clock.now() > timedelta(seconds=3595)
    keys = answer["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    assert session.client("sts").get_caller_identity()["Arn"] == arn
    recorded = next(c for c in two.aws.calls if c.operation == "AssumeRoleWithSAML")
    assert (recorded.caller, recorded.account) == (OKTA, PROD)


def test_the_name_qualifier_is_a_hash_of_the_issuer_and_the_provider(okta: SamlProvider, sts: Any) -> None:
    # BASE64 ( SHA1 ( "https://example.com/saml" + "123456789012" + "/MySAMLIdP" ) ), in AWS's API reference.
    expected = b64encode(sha1(f"https://Okta.example.com/saml{PROD}/Okta".encode()).digest()).decode()
    assert call(sts, okta.assertion(ROLE))["NameQualifier"] == expected


def test_the_server_takes_unsigned_calls(two: Two, okta: SamlProvider) -> None:
    with two.aws.serve() as server:
        unsigned = Config(signature_version=UNSIGNED)
        client = boto3.Session(region_name=REGION).client("sts", endpoint_url=server.url, config=unsigned)
        assert "Credentials" in call(client, okta.assertion(ROLE))
        assert refused(client, okta.assertion(ROLE, audience="https://example.com")).startswith("400 InvalidIdentity")


@pytest.mark.parametrize(
    ("operator", "key", "value", "other"),
    [
        ("StringEquals", "saml:iss", "https://Okta.example.com/saml", "https://okta.example.com/saml"),
        ("StringEquals", "SAML:sub", "alice", "bob"),
        ("StringEquals", "saml:sub_type", "persistent", "transient"),
        ("StringEquals", "saml:doc", f"{PROD}/Okta", f"{DEV}/Okta"),
        ("StringLike", "saml:namequalifier", "*=", "?"),
        ("StringEquals", "saml:edupersonprimaryaffiliation", "staff", "student"),
        ("ForAnyValue:StringEquals", "saml:edupersonaffiliation", "member", "alum"),
        ("StringEquals", "saml:mail", "alice@example.com", "bob@example.com"),
        ("StringEquals", "sts:RoleSessionName", "alice", "bob"),
    ],
)
def test_the_trust_policy_is_evaluated_with_the_claims(
    two: Two, okta: SamlProvider, sts: Any, operator: str, key: str, value: str, other: str
) -> None:
    attributes = {
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.1": ["staff", "member"],
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.5": "staff",
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "alice@example.com",
        # Only the first claim of a key counts.
        "0.9.2342.19200300100.1.3": "bob@example.com",
        "unknown": "ignored",
    }
    assertion = okta.assertion(ROLE, name_id="alice", attributes=attributes)
    trust(two, {**TRUST, "Condition": {operator: {key: value}}})
    call(sts, assertion)
    trust(two, {**TRUST, "Condition": {operator: {key: other}}})
    assert refused(sts, assertion) == DENIED


def test_the_endpoints_of_other_partitions_are_the_recipients() -> None:
    role, provider = (arn.replace(":aws:", ":aws-cn:") for arn in (ROLE, OKTA))
    with Sandbox([PROD], partition="aws-cn") as aws:
        okta = aws.saml_provider("Okta")
        assert okta.provider_arn == provider
        statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithSAML"}
        session = aws.account(PROD).session
        session.client("iam").create_role(RoleName="Admin", AssumeRolePolicyDocument=document(statement))
        sts = session.client("sts")
        answer = call(sts, okta.assertion(role), RoleArn=role, PrincipalArn=provider)
        assert answer["Audience"] == "https://signin.amazonaws.cn/saml"
        wrong = okta.assertion(role, audience=SIGN_IN)
        assert "required audience" in refused(sts, wrong, RoleArn=role, PrincipalArn=provider)
    with Sandbox([PROD], partition="aws-iso") as aws, pytest.raises(InvalidValue, match="sign-in endpoint"):
        aws.saml_provider("Okta")


def test_session_tags_and_a_source_identity_need_permission(two: Two, okta: SamlProvider, sts: Any) -> None:
    tags = {"Team": "Blue", "Project": "Web"}
    tagged = okta.assertion(ROLE, tags=tags, transitive_tag_keys=["Team"])
    named = okta.assertion(ROLE, source_identity="alice")
    assert refused(sts, tagged) == refused(sts, named) == DENIED
    trust(two, {**TRUST, "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]})
    answer = call(sts, tagged)
    session = session_of(two.aws, answer)
    assert (session.tags, session.transitive, session.source_identity) == (tags, {"Team"}, None)
    assert answer["PackedPolicySize"] > 0
    answer = call(sts, named)
    assert answer["SourceIdentity"] == session_of(two.aws, answer).source_identity == "alice"
    condition = {"StringEquals": {"aws:RequestTag/Team": "Blue"}, "ForAllValues:StringEquals": {"aws:TagKeys": "Team"}}
    trust(two, {**TRUST, "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"], "Condition": condition})
    call(sts, okta.assertion(ROLE, tags={"Team": "Blue"}))
    assert refused(sts, tagged) == DENIED


def test_the_sessions_requests_have_keys_of_the_provider(two: Two, okta: SamlProvider, sts: Any) -> None:
    condition = {"StringEquals": {"saml:sub": "alice", "aws:FederatedProvider": OKTA}}
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*", "Condition": condition}
    two.prod.client("iam").put_role_policy(RoleName="Admin", PolicyName="own", PolicyDocument=document(statement))
    for name, allowed in {"alice": True, "bob": False}.items():
        keys = call(sts, okta.assertion(ROLE, name_id=name))["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        if allowed:
            session.client("s3").list_buckets()
        else:
            assert refusal(session.client("s3").list_buckets).startswith("403 AccessDenied")


def test_the_assertion_must_name_the_role_and_the_provider(two: Two, okta: SamlProvider, sts: Any) -> None:
    other = f"arn:aws:iam::{PROD}:role/Other"
    two.prod.client("iam").create_role(RoleName="Other", AssumeRolePolicyDocument=document(TRUST))
    both = okta.assertion([ROLE, other])
    assert {call(sts, both, RoleArn=role)["AssumedRoleUser"]["Arn"].split("/")[1] for role in (ROLE, other)} == {
        "Admin",
        "Other",
    }
    for attributes in ({}, {f"{ATTRIBUTES}Role": ()}, {f"{ATTRIBUTES}Role": f"{other},{OKTA}x"}):
        assert refused(sts, okta.assertion(ROLE, attributes=attributes), RoleArn=other) == DENIED
    reversed_pair = {f"{ATTRIBUTES}Role": f"{OKTA}, {ROLE}"}
    call(sts, okta.assertion((), attributes=reversed_pair))
    missing = f"arn:aws:iam::{PROD}:role/Missing"
    assert refused(sts, okta.assertion(missing), RoleArn=missing) == DENIED
    outside = "arn:aws:iam::333333333333:role/Admin"
    assert refused(sts, okta.assertion(outside), RoleArn=outside) == DENIED


def test_the_provider_must_exist_and_have_issued_the_assertion(two: Two, okta: SamlProvider, sts: Any) -> None:
    assertion = okta.assertion(ROLE)
    for arn in (f"{OKTA}x", "arn:aws:iam::333333333333:saml-provider/Okta", OKTA.replace("Okta", "okta")):
        said = refused(sts, assertion, PrincipalArn=arn)
        assert said.startswith("400 InvalidIdentityToken: Specified provider doesn't exist (Service: ")
    for arn in (ROLE, "arn:aws:iam::111111111111:saml-provider/"):
        assert refused(sts, assertion, PrincipalArn=arn) == f"400 ValidationError: {arn} is invalid"
    other = two.aws.saml_provider("Other")
    said = refused(sts, other.assertion(ROLE))
    assert said.startswith("400 InvalidIdentityToken: Issuer not present in specified provider (Service: ")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"audience": "https://example.com"}, "Response does not contain the required audience."),
        ({"attributes": {f"{ATTRIBUTES}RoleSessionName": ()}}, "RoleSessionName is required in AuthnResponse"),
        ({"session_name": "a b"}, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
        ({"name_id": "a" * 65}, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
        ({"source_identity": "aws:alice"}, "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "),
    ],
)
def test_claims_that_aws_rejects(okta: SamlProvider, sts: Any, options: dict[str, Any], error: str) -> None:
    assert refused(sts, okta.assertion(ROLE, **options)).startswith(f"400 InvalidIdentityToken: {error}")


def test_a_subject_is_required(okta: SamlProvider, sts: Any) -> None:
    assert refused(sts, okta.assertion(ROLE, name_id="", session_name="alice")) == DENIED


def test_other_formats_of_a_subject_keep_their_uri(okta: SamlProvider, sts: Any) -> None:
    uri = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    assert call(sts, okta.assertion(ROLE, name_id_format=uri))["SubjectType"] == uri
    assert call(sts, okta.assertion(ROLE, name_id_format="transient"))["SubjectType"] == "transient"


def test_the_assertion_expires(two: Two, okta: SamlProvider, sts: Any) -> None:
    short, long = okta.assertion(ROLE, duration=60), okta.assertion(ROLE, duration=3600)
    call(sts, short)
    two.aws.clock.advance(61)
    assert refused(sts, short) == "400 ExpiredTokenException: Response has expired"
    call(sts, long)
    two.aws.clock.advance(240)
    late = "400 ExpiredTokenException: Token must be redeemed within 5 minutes of issuance"
    assert refused(sts, short) == refused(sts, long) == late
    # The certificate of a provider does not expire.
    two.aws.clock.advance(200 * 365 * 24 * 3600)
    call(sts, okta.assertion(ROLE))


def test_the_duration_is_the_shortest_of_the_call_and_the_assertion(two: Two, okta: SamlProvider, sts: Any) -> None:
    def seconds(answer: Any) -> float:
        return round((answer["Credentials"]["Expiration"] - two.aws.clock.now()).total_seconds(), -1)

    attributes = {f"{ATTRIBUTES}SessionDuration": "1800"}
    assert seconds(call(sts, okta.assertion(ROLE, attributes=attributes))) == 1800
    assert seconds(call(sts, okta.assertion(ROLE, attributes=attributes), DurationSeconds=900)) == 900
    assert "MaxSessionDuration" in refused(sts, okta.assertion(ROLE), DurationSeconds=7200)
    body = f'{SUBJECT}{CONDITIONS}<saml:AuthnStatement SessionNotOnOrAfter="{{later}}"/>{STATEMENT}'
    assert seconds(call(sts, signed(two, body))) == 1200
    for text in ("10", "2h"):
        assertion = okta.assertion(ROLE, attributes={f"{ATTRIBUTES}SessionDuration": text})
        assert refused(sts, assertion).startswith(NO_RESPONSE)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (f"{SUBJECT}{CONDITIONS}{STATEMENT}", None),
        (f"{SUBJECT}<saml:Conditions/>{STATEMENT}", "InvalidIdentityToken: Response does not contain the required"),
        (f"{SUBJECT}{STATEMENT}", "InvalidIdentityToken: Response does not contain the required"),
        (
            f"{SUBJECT}<saml:Conditions>{AUDIENCE}<saml:AudienceRestriction/></saml:Conditions>{STATEMENT}",
            "InvalidIdentityToken: Response does not contain the required",
        ),
        (f"{SUBJECT.replace('signin.', 'example.')}{CONDITIONS}{STATEMENT}", "InvalidIdentityToken: Response does not"),
        (
            f'{SUBJECT}<saml:Conditions NotBefore="{{soon}}">{AUDIENCE}</saml:Conditions>{STATEMENT}',
            "InvalidIdentityToken: Response is not yet valid",
        ),
        (
            f'{SUBJECT}<saml:Conditions NotOnOrAfter="{{past}}">{AUDIENCE}</saml:Conditions>{STATEMENT}',
            "ExpiredTokenException: Response has expired",
        ),
        (
            f'{SUBJECT}{CONDITIONS}<saml:AuthnStatement SessionNotOnOrAfter="{{past}}"/>{STATEMENT}',
            "ExpiredTokenException: Response has expired",
        ),
        (
            f'{SUBJECT}<saml:Conditions NotOnOrAfter="tomorrow">{AUDIENCE}</saml:Conditions>{STATEMENT}',
            "InvalidIdentityToken: Invalid base64 SAMLResponse",
        ),
        (f"<saml:Subject>{NAME_ID}</saml:Subject>{CONDITIONS}{STATEMENT}", "InvalidIdentityToken: Invalid base64"),
        (f"{CONDITIONS}{STATEMENT}", "InvalidIdentityToken: Invalid base64"),
        (
            f"<saml:Subject>{NAME_ID}{CONFIRMATION}{CONFIRMATION}</saml:Subject>{CONDITIONS}{STATEMENT}",
            "InvalidIdentityToken: Invalid base64",
        ),
        (f"<saml:Subject>{CONFIRMATION}</saml:Subject>{CONDITIONS}{STATEMENT}", "AccessDenied: Not authorized"),
        (f"{SUBJECT}{CONDITIONS}", "AccessDenied: Not authorized"),
    ],
)
def test_the_elements_of_an_assertion(two: Two, okta: SamlProvider, sts: Any, body: str, error: str | None) -> None:
    if error is None:
        assert "Credentials" in call(sts, signed(two, body))
    else:
        assert error in refused(sts, signed(two, body))


def test_a_failed_sign_in_is_a_rejected_claim(okta: SamlProvider, sts: Any) -> None:
    failed = edited(okta.assertion(ROLE), ("status:Success", "status:AuthnFailed"))
    assert refused(sts, failed).startswith("403 IDPRejectedClaim: The identity provider (IdP) reported that ")


def test_what_is_signed_cannot_be_changed(two: Two, okta: SamlProvider, sts: Any) -> None:
    assertion = okta.assertion(ROLE, name_id="alice")
    assert refused(sts, edited(assertion, (">alice<", ">bob<"))) == BAD_SIGNATURE
    assert refused(sts, edited(assertion, ("<ds:Signature .*</ds:Signature>", ""))) == BAD_SIGNATURE
    assert refused(sts, edited(assertion, ("<ds:SignatureValue>.*</ds:SignatureValue>", ""))) == BAD_SIGNATURE
    assert refused(sts, edited(assertion, ("<ds:SignatureValue>...", "<ds:SignatureValue>AAA"))) == BAD_SIGNATURE
    assert refused(sts, edited(assertion, ("rsa-sha256", "hmac-sha256"))) == BAD_SIGNATURE
    # A comment is not signed, and does not cut the text that is read.
    commented = edited(assertion, (">alice</saml:NameID>", ">al<!-- -->ice</saml:NameID>"))
    assert call(sts, commented)["Subject"] == "alice"


def test_only_the_key_of_the_metadata_signs(two: Two, okta: SamlProvider, sts: Any) -> None:
    other = two.aws.saml_provider("Other")
    impostor = edited(signed(two, f"{SUBJECT}{CONDITIONS}{STATEMENT}", "Other"), ("https://Other", "https://Okta"))
    assert refused(sts, impostor) == BAD_SIGNATURE
    renamed = other.metadata.replace("https://Other", "https://Okta")
    two.prod.client("iam").update_saml_provider(SAMLProviderArn=OKTA, SAMLMetadataDocument=renamed)
    assert refused(sts, okta.assertion(ROLE)) == BAD_SIGNATURE
    # While keys are rotated, metadata has the certificates of both.
    [descriptor] = re.findall("<md:KeyDescriptor.*</md:KeyDescriptor>", okta.metadata)
    both = renamed.replace("<md:KeyDescriptor", f"{descriptor}<md:KeyDescriptor", 1)
    two.prod.client("iam").update_saml_provider(SAMLProviderArn=OKTA, SAMLMetadataDocument=both)
    call(sts, okta.assertion(ROLE))
    encrypting = both.replace('use="signing"', 'use="encryption"')
    two.prod.client("iam").update_saml_provider(SAMLProviderArn=OKTA, SAMLMetadataDocument=encrypting)
    assert refused(sts, okta.assertion(ROLE)) == BAD_SIGNATURE


def test_a_signature_of_the_whole_response_is_accepted(okta: SamlProvider, sts: Any) -> None:
    unsigned = edited(okta.assertion(ROLE, name_id="alice"), ("<ds:Signature .*</ds:Signature>", ""))
    root = etree.fromstring(b64decode(unsigned))
    key, certificate = _signing_key(okta.entity_id)
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    whole = signer.sign(root, key=key, cert=[certificate], reference_uri=f"#{root.get('ID')}")
    response = b64encode(etree.tostring(whole)).decode()
    assert call(sts, response)["Subject"] == "alice"
    assert refused(sts, edited(response, (">alice<", ">bob<"))) == BAD_SIGNATURE


SAML = f"{{{NAMESPACES['saml']}}}"
SIGNATURE = f"{{{NAMESPACES['ds']}}}Signature"


def wrapped(response: str, how: str) -> str:
    """Return a response in which a changed assertion takes the place of the signed one, which it still contains.

    Source: https://www.usenix.org/conference/usenixsecurity12/technical-sessions/presentation/somorovsky
    """
    root = etree.fromstring(b64decode(response))
    original = root.find(f"{SAML}Assertion")
    text = etree.tostring(original).replace(b"alice", b"mallory")
    changed = etree.fromstring(text)
    signature = changed.find(SIGNATURE)
    if how != "same id":
        changed.set("ID", "_changed")
    root.remove(original)
    if how == "beside":
        changed.remove(signature)
        root.extend([changed, original])
    elif how == "in an extension":
        # The changed assertion keeps the signature, whose reference is to the original.
        extension = etree.SubElement(root, f"{{{NAMESPACES['samlp']}}}Extensions")
        extension.append(original)
        original.remove(original.find(SIGNATURE))
        root.append(changed)
    elif how == "in the signature":
        holder = etree.SubElement(signature, f"{{{NAMESPACES['ds']}}}Object")
        original.remove(original.find(SIGNATURE))
        holder.append(original)
        root.append(changed)
    elif how == "in the changed assertion":
        changed.remove(signature)
        changed.append(original)
        root.append(changed)
    else:
        original.remove(original.find(SIGNATURE))
        changed.append(original)
        root.append(changed)
    return b64encode(etree.tostring(root)).decode()


@pytest.mark.parametrize(
    "how", ["beside", "in an extension", "in the signature", "in the changed assertion", "same id"]
)
def test_an_assertion_that_is_wrapped_in_another_is_rejected(okta: SamlProvider, sts: Any, how: str) -> None:
    said = refused(sts, wrapped(okta.assertion(ROLE, name_id="alice"), how))
    assert said.startswith(NO_RESPONSE if how == "beside" else BAD_SIGNATURE)


def test_the_response_must_be_xml_without_a_document_type(okta: SamlProvider, sts: Any) -> None:
    plain = b64decode(okta.assertion(ROLE, name_id="alice"))
    entity = b'<!DOCTYPE r [<!ENTITY who "bob">]>' + plain
    other = b'<a xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>'
    for document_ in (b"<<<<", entity, other, b"\xff\xfe", b"x" * 10):
        assert refused(sts, b64encode(document_).decode()).startswith(NO_RESPONSE)
    assert refused(sts, "a-b*").startswith(NO_RESPONSE)
    # Programs wrap lines of Base64.
    call(sts, re.sub("(.{76})", r"\1\n", b64encode(plain).decode()))


def test_metadata_that_cannot_be_read_verifies_nothing(two: Two, okta: SamlProvider, sts: Any) -> None:
    provider = two.aws._state.iam(PROD).saml_providers["Okta"]
    for metadata in ("text", okta.metadata.replace("MII", "AAA", 1), okta.metadata.replace("X509Certificate", "Name")):
        provider.saml_metadata_document = metadata
        assert refused(sts, okta.assertion(ROLE)) == BAD_SIGNATURE


class Unsaved:
    """The assertions of a provider that no sandbox has."""

    def __init__(self) -> None:
        clock = Clock()
        self.okta = SamlProvider("Okta", OKTA, SIGN_IN, clock)
        self.assertions = SamlAssertions(MotoState("aws", frozenset({PROD})), partition("aws"), clock)
        self.assertions._metadata = lambda arn: self.okta.metadata  # type: ignore[method-assign] # no moto


@given(data=st.data())
def test_no_other_error_is_raised_for_a_damaged_response(data: st.DataObject) -> None:
    unsaved = Unsaved()
    text = bytearray(b64decode(unsaved.okta.assertion(ROLE)))
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 300)))
    text[start:end] = data.draw(st.binary(max_size=6))
    encoded = b64encode(bytes(text)).decode()
    try:
        identity = unsaved.assertions.verify(encoded, Arn.parse(OKTA), Arn.parse(ROLE))
    except Refused:
        return
    # Only what is not signed was changed.
    assert identity.session_name == "user"


@given(st.binary(max_size=30).map(lambda data: b64encode(data).decode()) | st.text(max_size=30))
def test_any_other_text_is_no_response(text: str) -> None:
    with pytest.raises(Refused, match="Invalid base64 SAMLResponse"):
        Unsaved().assertions.verify(text, Arn.parse(OKTA), Arn.parse(ROLE))
