"""Sphinx configuration. The build needs no network."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

from sphinx.domains.python import PyObject

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "xacct"
author = "The xacct authors"
project_copyright = author
release = version = metadata.version("xacct")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
# `name` in a docstring links to the name.
default_role = "py:obj"

myst_enable_extensions = ["attrs_inline", "deflist", "smartquotes"]
myst_heading_anchors = 3

add_module_names = False
python_use_unqualified_type_names = True
# One parameter a line, so that no signature is wider than a page.
python_maximum_signature_line_length = 60

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_default_options = {"members": True, "exclude-members": "__init__"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"xacct {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}

# Classes that users construct themselves. The signature of every other class is hidden: xacct returns its instances.
CONSTRUCTED = {
    "Acceptance",
    "AccessRequest",
    "Account",
    "AccountEntry",
    "Arn",
    "Baseline",
    "Clock",
    "Condition",
    "ConsoleUser",
    "ControlPolicy",
    "DevAccessGrant",
    "GrantEntry",
    "GrantsFile",
    "Organization",
    "OrganizationAccount",
    "Patience",
    "PolicyDocument",
    "PolicyRecord",
    "PolicySet",
    "Principal",
    "Propagation",
    "ReadGrant",
    "RoleRecord",
    "Sandbox",
    "Statement",
    "SwitchRoleLink",
    "Target",
    "TrustGrant",
    "ZoneOfTrust",
}
# How the defaults of attrs fields and of read-only mappings are written in a signature.
DEFAULTS = (
    (re.compile(r"mappingproxy\(\{\}\)"), "{}"),
    (re.compile(r"<factory>|NOTHING"), "{}"),
    (re.compile(r"<function _sleep[^>]*>"), "time.sleep"),
)


def show_signature(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Hide constructors that users do not call, and write defaults as a user would."""
    if signature is None:
        return None
    if what in ("class", "exception") and name.rpartition(".")[2] not in CONSTRUCTED:
        return "", None
    for pattern, text in DEFAULTS:
        signature = pattern.sub(text, signature)
    return signature, returns


def setup(app: Sphinx) -> None:
    """Register the handler, and call the attributes of a class attributes."""
    for kind in PyObject.doc_field_types:
        if kind.name == "variable":
            kind.label = "Attributes"
    app.connect("autodoc-process-signature", show_signature)
