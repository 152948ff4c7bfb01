"""TrustGrant and DevAccessGrant: the declared state of the trusting and of the trusted account, without I/O."""

from xacct.grants.checks import check_source_ip, check_third_party, check_trusted_principal
from xacct.grants.dev_access_grant import POLICY_DESCRIPTION, DevAccessGrant
from xacct.grants.expiry import expiry_in
from xacct.grants.trust_grant import ROLE_DESCRIPTION, TrustGrant, default_name, notes_on

__all__ = [
    "POLICY_DESCRIPTION",
    "ROLE_DESCRIPTION",
    "DevAccessGrant",
    "TrustGrant",
    "check_source_ip",
    "check_third_party",
    "check_trusted_principal",
    "default_name",
    "expiry_in",
    "notes_on",
]
