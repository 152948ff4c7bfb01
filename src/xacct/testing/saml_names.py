"""The names in SAML documents, and the condition context keys of attributes.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ATTRIBUTES", "CONTEXT_KEYS", "NAMESPACES", "NAME_ID_FORMATS", "SUCCESS", "require_signxml"]

NAMESPACES: Mapping[str, str] = {
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
}
NAME_ID_FORMATS = "urn:oasis:names:tc:SAML:2.0:nameid-format:"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"

# The names of AWS's own attributes begin so.
ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"

_EDU_PERSON, _EDU_ORG = "urn:oid:1.3.6.1.4.1.5923.1.1.1.", "urn:oid:1.3.6.1.4.1.5923.1.2.1."
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

# The context keys of attributes, by their Name, without the prefix saml.
CONTEXT_KEYS: Mapping[str, str] = {
    f"{_EDU_PERSON}1": "edupersonaffiliation",
    f"{_EDU_PERSON}2": "edupersonnickname",
    f"{_EDU_PERSON}3": "edupersonorgdn",
    f"{_EDU_PERSON}4": "edupersonorgunitdn",
    f"{_EDU_PERSON}5": "edupersonprimaryaffiliation",
    f"{_EDU_PERSON}6": "edupersonprincipalname",
    f"{_EDU_PERSON}7": "edupersonentitlement",
    f"{_EDU_PERSON}8": "edupersonprimaryorgunitdn",
    f"{_EDU_PERSON}9": "edupersonscopedaffiliation",
    f"{_EDU_PERSON}10": "edupersontargetedid",
    f"{_EDU_PERSON}11": "edupersonassurance",
    f"{_EDU_ORG}2": "eduorghomepageuri",
    f"{_EDU_ORG}3": "eduorgidentityauthnpolicyuri",
    f"{_EDU_ORG}4": "eduorglegalname",
    f"{_EDU_ORG}5": "eduorgsuperioruri",
    f"{_EDU_ORG}6": "eduorgwhitepagesuri",
    "urn:oid:2.5.4.3": "cn",
    f"{_CLAIMS}name": "name",
    "http://schemas.xmlsoap.org/claims/CommonName": "commonName",
    f"{_CLAIMS}givenname": "givenName",
    f"{_CLAIMS}surname": "surname",
    f"{_CLAIMS}emailaddress": "mail",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid": "uid",
    "2.5.4.3": "commonName",
    "2.5.4.4": "surname",
    "2.4.5.42": "givenName",
    "2.5.4.45": "x500UniqueIdentifier",
    "0.9.2342.19200300100.1.1": "uid",
    "0.9.2342.19200300100.1.3": "mail",
    "0.9.2342.19200300.100.1.45": "organizationStatus",
}


def require_signxml() -> None:
    """Check that signxml is installed, which signs and verifies XML.

    Raises:
        ModuleNotFoundError: it is not. The message says how to install it.
    """
    try:
        import signxml  # noqa: F401 # only whether it is there
    except ModuleNotFoundError:
        text = "SAML in the sandbox requires signxml, which is not installed: pip install 'xacct[saml]'"
        raise ModuleNotFoundError(text, name="signxml") from None
