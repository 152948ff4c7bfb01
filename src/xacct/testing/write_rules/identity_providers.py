"""Validation rules for SAML identity providers.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from xacct.testing.error_responses import Refused
from xacct.testing.write_rules.write import Rule, Write, taken

__all__ = ["RULES"]

_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}EntityDescriptor"


def _check_saml_provider(write: Write) -> None:
    name = write.call.text("Name")
    if name in write.state.iam(write.account).saml_providers:
        raise taken(f"Provider with name {name} already exists.")
    if "SAMLMetadataDocument" in write.call.params and not _is_metadata(write.call.text("SAMLMetadataDocument")):
        raise Refused("InvalidInput", "Could not parse metadata")


def _is_metadata(document: str) -> bool:
    try:
        root = ET.fromstring(document)  # noqa: S314 # the document is the test's own
    except (ET.ParseError, ValueError):
        return False
    return root.tag == _METADATA and bool(root.get("entityID"))


RULES: dict[tuple[str, str], Rule] = {
    ("iam", "CreateSAMLProvider"): _check_saml_provider,
    ("iam", "UpdateSAMLProvider"): _check_saml_provider,
}
