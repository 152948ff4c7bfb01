"""The offline proof of grants: who can assume the role, and what the role can do."""

from xacct.proof.grant_proof import Proof, prove, prove_with_client

__all__ = ["Proof", "prove", "prove_with_client"]
