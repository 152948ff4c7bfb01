"""The assertions of SAML providers, verified as STS does. Only what a verified signature covers is read.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from attrs import frozen

from xacct.arn import Arn, Partition
from xacct.authz.federation import saml_context
from xacct.errors import InvalidValue
from xacct.limits import ASSUME_ROLE_SECONDS
from xacct.testing.error_responses import Refused
from xacct.testing.federated_identity import FederatedIdentity
from xacct.testing.saml_names import ATTRIBUTES, CONTEXT_KEYS, NAME_ID_FORMATS, NAMESPACES, SUCCESS, require_signxml
from xacct.testing.saml_provider import SamlProvider

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from xacct.testing.clock import Clock
    from xacct.testing.moto_state import MotoState

__all__ = ["SamlAssertions"]

# An element of lxml, which has no types.
_Element = Any

_REJECTED = (
    "The identity provider (IdP) reported that authentication failed. This might be because the claim is invalid."
)
_SESSION_ATTRIBUTES = tuple(f"{ATTRIBUTES}{name}" for name in ("PrincipalTag:", "TransitiveTagKeys", "SourceIdentity"))
_LONGEST_AGE = timedelta(minutes=5)
_NAME = re.compile(r"[a-zA-Z_0-9+=,.@-]{2,64}", re.ASCII)


def _invalid(text: str) -> Refused:
    return Refused("InvalidIdentityToken", text)


def _bad_signature() -> Refused:
    return _invalid("Response signature invalid")


def _of_service(text: str, code: str = "AuthSamlInvalidSamlResponseException") -> Refused:
    """Return an error that STS passes on from another of AWS's services."""
    details = "Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code"
    request = "Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null"
    return _invalid(f"{text} ({details}: {code}; {request})")


class SamlAssertions:
    """The SAML providers of a sandbox, and the verification of their assertions.

    Args:
        state: the state of the accounts.
        partition: the partition of the accounts.
        clock: the sandbox's clock.
    """

    def __init__(self, state: MotoState, partition: Partition, clock: Clock) -> None:
        self._state, self._partition, self._clock = state, partition, clock
        self._sign_in_url = f"https://{partition.signin_host}/saml"

    def create_provider(self, name: str, account: str) -> SamlProvider:
        """Return the provider with this name, and create it in IAM of an account if it does not exist.

        Args:
            name: the name.
            account: the account.

        Raises:
            InvalidValue: it is no name of a provider, or the sign-in endpoint of the partition is not known.
        """
        if self._partition.signin_host is None:
            rule = "the sandbox has SAML in partitions whose sign-in endpoint AWS publishes"
            raise InvalidValue("partition", self._partition.name, rule)
        arn = f"arn:{self._partition.name}:iam::{account}:saml-provider/{name}"
        provider, iam = SamlProvider(name, arn, self._sign_in_url, self._clock), self._state.iam(account)
        if name not in iam.saml_providers:
            iam.create_saml_provider(name, provider.metadata)
        return provider

    def verify(self, encoded: str, provider_arn: Arn, role: Arn) -> FederatedIdentity:
        """Return the user that a SAML response describes.

        Args:
            encoded: the response, in Base64.
            provider_arn: the ARN of the provider in IAM.
            role: the ARN of the role.

        Raises:
            Refused: it is no response of the provider for AWS, its signature does not match, it has expired, or it does
                not name the role and the provider.
        """
        try:
            require_signxml()
        except ModuleNotFoundError as error:
            raise Refused("NotImplemented", str(error), 501) from None
        provider = _Provider.parse(self._metadata(provider_arn))
        response = _parse(_decoded(encoded), "samlp:Response")
        if _text(response, "samlp:Status/samlp:StatusCode/@Value") != SUCCESS:
            raise Refused("IDPRejectedClaim", _REJECTED, 403)
        # The issuer is read before the signature is verified, and therefore again afterwards.
        provider.check_issuer(_only(response, "saml:Assertion"))
        assertion = provider.signed_assertion(response)
        provider.check_issuer(assertion)
        self._check_times(assertion)
        return self._identity(assertion, provider_arn, role)

    def _metadata(self, arn: Arn) -> str:
        iam = self._state.iam(arn.account) if arn.account in self._state.accounts else None
        found = None if iam is None else iam.saml_providers.get(arn.name)
        if found is None or found.arn != str(arn):
            raise _of_service("Specified provider doesn't exist", "AuthSamlManifestNotFoundException")
        return str(found.saml_metadata_document)

    def _check_times(self, assertion: _Element) -> None:
        now, confirmed = self._clock.now(), "saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
        issued, until = _times(assertion, "@IssueInstant"), _times(assertion, f"{confirmed}/@NotOnOrAfter")
        if not issued or not until:
            raise _not_a_response()
        if now >= issued[0] + _LONGEST_AGE:
            raise Refused("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
        until += _times(assertion, "saml:Conditions/@NotOnOrAfter | saml:AuthnStatement/@SessionNotOnOrAfter")
        if now >= min(until):
            raise Refused("ExpiredTokenException", "Response has expired")
        if now < max(_times(assertion, f"saml:Conditions/@NotBefore | {confirmed}/@NotBefore"), default=now):
            raise _invalid("Response is not yet valid")

    def _identity(self, assertion: _Element, provider: Arn, role: Arn) -> FederatedIdentity:
        subject, recipient = _only(assertion, "saml:Subject"), self._recipient(assertion)
        name_id = _text(subject, "saml:NameID")
        attributes = dict(_attributes(assertion))
        if not name_id or not _names_pair(attributes.get(f"{ATTRIBUTES}Role", ()), str(role), str(provider)):
            raise Refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML", 403)
        session_name, issuer = _session_name(attributes), _text(assertion, "saml:Issuer")
        _check_source_identity(attributes)
        kind = _text(subject, "saml:NameID/@Format").removeprefix(NAME_ID_FORMATS)
        qualifier = _name_qualifier(issuer, provider)
        claims: dict[str, object] = {
            "aud": recipient,
            "iss": issuer,
            "sub": name_id,
            "sub_type": kind,
            "namequalifier": qualifier,
        }
        for name, values in attributes.items():
            if name in CONTEXT_KEYS:
                claims.setdefault(CONTEXT_KEYS[name], values)
            elif name.startswith(_SESSION_ATTRIBUTES):
                claims[name] = values
        answer = {
            "Subject": name_id,
            "SubjectType": kind,
            "Issuer": issuer,
            "Audience": recipient,
            "NameQualifier": qualifier,
        }
        return FederatedIdentity(
            provider=str(provider),
            context={**saml_context(str(provider), claims), "sts:RoleSessionName": session_name},
            answer=answer,
            session_name=session_name,
            seconds=self._longest_session(assertion, attributes),
        )

    def _recipient(self, assertion: _Element) -> str:
        """Return the sign-in endpoint for which the assertion was made."""
        confirmation = _only(_only(assertion, "saml:Subject"), "saml:SubjectConfirmation")
        recipient = _text(confirmation, "saml:SubjectConfirmationData/@Recipient")
        restrictions = _all(assertion, "saml:Conditions/saml:AudienceRestriction")
        for_aws = all(any(map(self._is_audience, _texts(each, "saml:Audience"))) for each in restrictions)
        if not self._is_sign_in_url(recipient) or not restrictions or not for_aws:
            raise _invalid("Response does not contain the required audience.")
        return recipient

    def _is_audience(self, text: str) -> bool:
        return text == "urn:amazon:webservices" or self._is_sign_in_url(text)

    def _is_sign_in_url(self, url: str) -> bool:
        host = self._partition.signin_host
        return host is not None and re.fullmatch(rf"https://([a-z0-9-]+\.)?{re.escape(host)}/saml", url) is not None

    def _longest_session(self, assertion: _Element, attributes: Mapping[str, Sequence[str]]) -> int | None:
        """Return the longest duration that the assertion allows in seconds; None if it has none."""
        limits: list[int] = []
        for text in attributes.get(f"{ATTRIBUTES}SessionDuration", ()):
            if not text.isdecimal() or int(text) not in ASSUME_ROLE_SECONDS:
                raise _not_a_response()
            limits.append(int(text))
        ends = _times(assertion, "saml:AuthnStatement/@SessionNotOnOrAfter")
        limits += [int((end - self._clock.now()).total_seconds()) for end in ends]
        return min(limits, default=None)


@frozen
class _Provider:
    """What the metadata of a provider says: its entity ID, and the certificates of the keys that sign."""

    entity_id: str
    certificates: tuple[Certificate, ...]

    @classmethod
    def parse(cls, metadata: str) -> _Provider:
        from cryptography.x509 import load_der_x509_certificate

        path = "md:IDPSSODescriptor/md:KeyDescriptor[not(@use='encryption')]//ds:X509Certificate"
        try:
            root = _parse(metadata.encode(), "md:EntityDescriptor")
            certificates = [load_der_x509_certificate(b64decode(text)) for text in _texts(root, path)]
        except (Refused, ValueError):
            raise _bad_signature() from None
        return cls(_text(root, "@entityID"), tuple(certificates))

    def check_issuer(self, assertion: _Element) -> None:
        if _text(assertion, "saml:Issuer") != self.entity_id:
            raise _of_service("Issuer not present in specified provider")

    def signed_assertion(self, response: _Element) -> _Element:
        """Return the assertion, as the provider has signed it: alone, or with the whole response."""
        assertion = _only(response, "saml:Assertion")
        places = ((f"./{assertion.tag}/", assertion), ("./", response))
        for location, element in places:
            for certificate in self.certificates:
                signed = _signed(response, certificate, location)
                # A signature that was moved to another element refers to the one that it was made for.
                if signed is not None and (signed.tag, signed.get("ID")) == (element.tag, element.get("ID")):
                    return signed if element is assertion else _only(signed, "saml:Assertion")
        raise _bad_signature()


def _signed(response: _Element, certificate: Certificate, location: str) -> _Element | None:
    """Return what a signature at a location covers; None if there is no signature that this certificate verifies."""
    import lxml.etree as etree
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    # IAM ignores when a certificate expires.
    configuration = SignatureConfiguration(location=location, verification_time=certificate.not_valid_before_utc)
    try:
        result = XMLVerifier().verify(response, x509_cert=certificate, id_attribute="ID", expect_config=configuration)
    except (SignXMLException, etree.LxmlError, ValueError, TypeError, LookupError, AttributeError):
        # signxml raises others than its own for signatures that lack parts.
        return None
    return None if isinstance(result, list) else result.signed_xml


def _not_a_response() -> Refused:
    return _of_service("Invalid base64 SAMLResponse")


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _not_a_response() from None


def _parse(document: bytes, name: str) -> _Element:
    """Return the root of an XML document, which must have this name and no document type."""
    import lxml.etree as etree

    try:
        root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        raise _not_a_response() from None
    prefix, _, local = name.partition(":")
    if root.getroottree().docinfo.doctype or root.tag != f"{{{NAMESPACES[prefix]}}}{local}":
        raise _not_a_response()
    return root


def _all(parent: _Element, path: str) -> list[_Element]:
    found: list[_Element] = parent.xpath(path, namespaces=NAMESPACES)
    return found


def _only(parent: _Element, path: str) -> _Element:
    found = _all(parent, path)
    if len(found) != 1:
        raise _not_a_response()
    return found[0]


def _text(element: _Element, path: str) -> str:
    """Return the text at a path, without comments; empty if there is none."""
    return str(element.xpath(f"string({path})", namespaces=NAMESPACES)).strip()


def _texts(parent: _Element, path: str) -> list[str]:
    return [_text(element, ".") for element in _all(parent, path)]


def _times(assertion: _Element, path: str) -> list[datetime]:
    return [_time(str(text)) for text in _all(assertion, path)]


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(re.sub(r"\.\d+", "", text.strip()).replace("Z", "+00:00"))
    except ValueError:
        raise _not_a_response() from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _attributes(assertion: _Element) -> Iterator[tuple[str, tuple[str, ...]]]:
    for attribute in _all(assertion, "saml:AttributeStatement/saml:Attribute"):
        yield _text(attribute, "@Name"), tuple(_texts(attribute, "saml:AttributeValue"))


def _names_pair(pairs: Sequence[str], role: str, provider: str) -> bool:
    """Return whether one of the pairs is of the role and the provider, in either order."""
    return any({role, provider} == {arn.strip() for arn in pair.split(",")} for pair in pairs)


def _session_name(attributes: Mapping[str, Sequence[str]]) -> str:
    names = attributes.get(f"{ATTRIBUTES}RoleSessionName", ())
    if not names:
        raise _invalid("RoleSessionName is required in AuthnResponse")
    if not _NAME.fullmatch(names[0]):
        raise _invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")
    return names[0]


def _check_source_identity(attributes: Mapping[str, Sequence[str]]) -> None:
    identities = attributes.get(f"{ATTRIBUTES}SourceIdentity", ())
    # The pattern has no colon, so that "aws:" does not match.
    if not all(map(_NAME.fullmatch, identities)):
        raise _invalid('Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"')


def _name_qualifier(issuer: str, provider: Arn) -> str:
    """Return the hash that tells providers apart, as AWS's API reference defines it."""
    text = f"{issuer}{provider.account}/{provider.name}"
    return b64encode(sha1(text.encode(), usedforsecurity=False).digest()).decode()
