"""SAML identity providers, such as Okta or Active Directory Federation Services, with a key that signs assertions."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, final
from xml.sax.saxutils import escape, quoteattr

from xacct.errors import InvalidValue
from xacct.limits import SAML_PROVIDER_NAME
from xacct.testing.saml_names import ATTRIBUTES, NAME_ID_FORMATS, NAMESPACES, SUCCESS, require_signxml

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    from xacct.testing.clock import Clock

__all__ = ["SamlProvider", "saml_response"]

# IAM ignores when the certificate expires, so that the sandbox's clock can be advanced by any time.
_VALID_FROM, _VALID_UNTIL = datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2120, 1, 1, tzinfo=timezone.utc)


@final
class SamlProvider:
    """A SAML identity provider in a sandbox, of `Sandbox.saml_provider`.

    Attributes:
        name: the name of the provider in IAM.
        provider_arn: the ARN of the provider in IAM, for the ``Federated`` principal of trust policies.
        entity_id: the issuer of its assertions.
    """

    def __init__(self, name: str, provider_arn: str, sign_in_url: str, clock: Clock) -> None:
        if not SAML_PROVIDER_NAME.allows(name):
            raise InvalidValue("name", name, f"the name of a SAML provider has {SAML_PROVIDER_NAME}")
        require_signxml()
        self.name, self.provider_arn = name, provider_arn
        self.entity_id = f"https://{name}.example.com/saml"
        self._sign_in_url, self._clock = sign_in_url, clock

    @property
    def metadata(self) -> str:
        """The metadata document, which iam:CreateSAMLProvider and iam:UpdateSAMLProvider take."""
        from cryptography.hazmat.primitives.serialization import Encoding

        certificate = b64encode(_signing_key(self.entity_id)[1].public_bytes(Encoding.DER)).decode()
        return (
            f'<md:EntityDescriptor xmlns:md="{NAMESPACES["md"]}" xmlns:ds="{NAMESPACES["ds"]}"'
            f" entityID={quoteattr(self.entity_id)}>"
            '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}'
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
            '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"'
            f" Location={quoteattr(self.entity_id)}/></md:IDPSSODescriptor></md:EntityDescriptor>"
        )

    def assertion(
        self,
        role: str | Sequence[str],
        *,
        name_id: str = "user",
        name_id_format: str = "persistent",
        session_name: str | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
        transitive_tag_keys: Sequence[str] = (),
        source_identity: str | None = None,
        attributes: Mapping[str, str | Sequence[str]] = MappingProxyType({}),
        audience: str | None = None,
        duration: int = 300,
    ) -> str:
        """Return a signed SAML response in Base64, for sts:AssumeRoleWithSAML.

        Args:
            role: the ARN of the role that the user may assume with this provider, or several.
            name_id: the subject.
            name_id_format: ``persistent``, ``transient``, or the whole URI of another format.
            session_name: the name of the role session; None for the subject.
            tags: the session tags.
            transitive_tag_keys: the keys of the tags that are passed on in a chain of roles.
            source_identity: the source identity.
            attributes: other attributes by their ``Name``, such as ``urn:oid:1.3.6.1.4.1.5923.1.1.1.1``; also in place
                of AWS's, such as ``https://aws.amazon.com/SAML/Attributes/Role``. One without values is left out.
            audience: the audience; None for AWS's sign-in endpoint.
            duration: the lifetime of the assertion in seconds. AWS accepts it for at most five minutes.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html

        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111"]) as aws:
        ...     okta = aws.saml_provider("Okta")
        ...     response = okta.assertion("arn:aws:iam::111111111111:role/Admin", name_id="alice")
        ...     response.isascii()
        True
        """
        roles = [role] if isinstance(role, str) else role
        aws: dict[str, str | Sequence[str]] = {
            f"{ATTRIBUTES}Role": [f"{arn},{self.provider_arn}" for arn in roles],
            f"{ATTRIBUTES}RoleSessionName": session_name or name_id,
            f"{ATTRIBUTES}TransitiveTagKeys": transitive_tag_keys,
            f"{ATTRIBUTES}SourceIdentity": source_identity or (),
            **{f"{ATTRIBUTES}PrincipalTag:{key}": value for key, value in tags.items()},
        }
        now = self._clock.now()
        until = _stamp(now + timedelta(seconds=duration))
        uri = name_id_format if ":" in name_id_format else f"{NAME_ID_FORMATS}{name_id_format}"
        body = (
            f"<saml:Subject><saml:NameID Format={quoteattr(uri)}>{escape(name_id)}</saml:NameID>"
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData NotOnOrAfter="{until}" Recipient="{self._sign_in_url}"/>'
            "</saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{_stamp(now)}" NotOnOrAfter="{until}"><saml:AudienceRestriction>'
            f"<saml:Audience>{escape(audience or self._sign_in_url)}</saml:Audience>"
            "</saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{_stamp(now)}"><saml:AuthnContext><saml:AuthnContextClassRef>'
            "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>"
            f"</saml:AuthnContext></saml:AuthnStatement>{_attribute_statement({**aws, **attributes})}"
        )
        return b64encode(saml_response(self.entity_id, body, now)).decode()

    def __repr__(self) -> str:
        return f"SamlProvider({self.name!r})"


def saml_response(entity_id: str, body: str, issued: datetime) -> bytes:
    """Return a SAML response with a signed assertion.

    Args:
        entity_id: the issuer, whose key signs.
        body: the elements of the assertion after its issuer and its signature, with the prefix ``saml``.
        issued: the time of issuance.
    """
    import lxml.etree as etree
    from signxml.algorithms import CanonicalizationMethod
    from signxml.signer import XMLSigner

    identifier, stamp, issuer = f"_{secrets.token_hex(16)}", _stamp(issued), f"<saml:Issuer>{escape(entity_id)}"
    head = f'Version="2.0" IssueInstant="{stamp}"'
    assertion = (
        f'<saml:Assertion xmlns:saml="{NAMESPACES["saml"]}" ID="{identifier}" {head}>{issuer}</saml:Issuer>'
        f'<ds:Signature xmlns:ds="{NAMESPACES["ds"]}" Id="placeholder"/>{body}</saml:Assertion>'
    )
    key, certificate = _signing_key(entity_id)
    signer = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    signed = signer.sign(etree.fromstring(assertion), key=key, cert=[certificate], reference_uri=f"#{identifier}")
    response = (
        f'<samlp:Response xmlns:samlp="{NAMESPACES["samlp"]}" xmlns:saml="{NAMESPACES["saml"]}"'
        f' ID="_{secrets.token_hex(16)}" {head}>{issuer}</saml:Issuer>'
        f'<samlp:Status><samlp:StatusCode Value="{SUCCESS}"/></samlp:Status></samlp:Response>'
    )
    root = etree.fromstring(response)
    root.append(signed)
    document: bytes = etree.tostring(root)
    return document


def _attribute_statement(attributes: Mapping[str, str | Sequence[str]]) -> str:
    several = {name: [value] if isinstance(value, str) else value for name, value in attributes.items()}
    elements = (
        f"<saml:Attribute Name={quoteattr(name)}>"
        + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
        + "</saml:Attribute>"
        for name, values in several.items()
        if values
    )
    return f"<saml:AttributeStatement>{''.join(elements)}</saml:AttributeStatement>"


def _stamp(time: datetime) -> str:
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def _signing_key(entity_id: str) -> tuple[RSAPrivateKey, Certificate]:
    """Return the key and the certificate of an issuer. They are made once in a process, as making a key takes time."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, entity_id[:64])])
    builder = x509.CertificateBuilder().issuer_name(name).subject_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_VALID_FROM).not_valid_after(_VALID_UNTIL)
    return key, builder.sign(key, hashes.SHA256())
