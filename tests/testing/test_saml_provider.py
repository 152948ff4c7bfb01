"""SAML identity providers of a sandbox: their metadata and what they sign."""

from __future__ import annotations

import sys
from base64 import b64decode
from datetime import datetime, timezone

import boto3
import lxml.etree as etree
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.x509 import load_der_x509_certificate
from signxml.verifier import XMLVerifier

from xacct.errors import InvalidValue
from xacct.reference import find_action
from xacct.testing.saml_names import CONTEXT_KEYS, NAMESPACES

from .conftest import DEV, PROD, REGION, Two, refusal

ADMIN = f"arn:aws:iam::{PROD}:role/Admin"


def test_saml_provider_creates_the_provider_in_iam_once(two: Two) -> None:
    iam = two.dev.client("iam")
    okta, _ = (two.aws.saml_provider("Okta", account=DEV) for _ in range(2))
    assert okta.provider_arn == f"arn:aws:iam::{DEV}:saml-provider/Okta"
    assert [provider["Arn"] for provider in iam.list_saml_providers()["SAMLProviderList"]] == [okta.provider_arn]
    document = iam.get_saml_provider(SAMLProviderArn=okta.provider_arn)["SAMLMetadataDocument"]
    assert document == okta.metadata
    assert two.aws.saml_provider("Okta").provider_arn == f"arn:aws:iam::{PROD}:saml-provider/Okta"


def test_the_metadata_has_the_certificate_that_signs(two: Two) -> None:
    okta = two.aws.saml_provider("Okta")
    root = etree.fromstring(okta.metadata)
    assert root.get("entityID") == okta.entity_id
    certificate = load_der_x509_certificate(b64decode(root.findtext(".//ds:X509Certificate", namespaces=NAMESPACES)))
    signed = etree.fromstring(b64decode(okta.assertion(ADMIN, name_id="alice & <bob>")))
    result = XMLVerifier().verify(signed, x509_cert=certificate, id_attribute="ID")
    assert not isinstance(result, list)
    assert result.signed_xml is not None
    assert result.signed_xml.findtext(".//saml:NameID", namespaces=NAMESPACES) == "alice & <bob>"
    assert certificate.not_valid_after_utc > datetime(2100, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("name", ["", "a b", "a" * 129])
def test_the_name_of_a_provider_is_checked(two: Two, name: str) -> None:
    with pytest.raises(InvalidValue, match="the name of a SAML provider has"):
        two.aws.saml_provider(name)


def test_without_signxml_the_extra_is_named(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    okta = two.aws.saml_provider("Okta")
    assertion = okta.assertion(ADMIN)
    monkeypatch.setitem(sys.modules, "signxml", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'xacct\[saml\]'"):
        two.aws.saml_provider("Okta")
    sts = boto3.Session(region_name=REGION).client("sts", config=Config(signature_version=UNSIGNED))
    said = refusal(sts.assume_role_with_saml, RoleArn=ADMIN, PrincipalArn=okta.provider_arn, SAMLAssertion=assertion)
    assert said.startswith("501 NotImplemented: SAML in the sandbox requires signxml")


def test_the_context_keys_of_attributes_are_those_of_the_reference() -> None:
    action = find_action("sts:AssumeRoleWithSAML")
    assert action is not None
    assert {f"saml:{key}" for key in CONTEXT_KEYS.values()} <= set(action.condition_keys)


def test_iam_takes_metadata_of_saml_only_and_each_name_once(two: Two) -> None:
    okta, iam = two.aws.saml_provider("Okta"), two.prod.client("iam")
    iam.update_saml_provider(SAMLProviderArn=okta.provider_arn, SAMLMetadataDocument=okta.metadata)
    for document in ("x" * 1000, okta.metadata.replace("entityID", "id"), f"<md>{'x' * 1000}</md>"):
        for call, parameters in (
            (iam.create_saml_provider, {"Name": "Corp"}),
            (iam.update_saml_provider, {"SAMLProviderArn": okta.provider_arn}),
        ):
            said = refusal(call, SAMLMetadataDocument=document, **parameters)
            assert said == "400 InvalidInput: Could not parse metadata"
    said = refusal(iam.create_saml_provider, Name="Okta", SAMLMetadataDocument=okta.metadata)
    assert said == "409 EntityAlreadyExists: Provider with name Okta already exists."
