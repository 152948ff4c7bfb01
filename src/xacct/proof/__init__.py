"""The offline proof of grants: who can assume the role, and what the role can do."""

from xacct.proof.access_search import AccessSearch
from xacct.proof.find_access import ZoneOfTrust, find_access
from xacct.proof.grant_proof import Proof, managed_policies_of, prove, prove_with_policies, read_policies

__all__ = [
    "AccessSearch",
    "Proof",
    "ZoneOfTrust",
    "find_access",
    "managed_policies_of",
    "prove",
    "prove_with_policies",
    "read_policies",
]
