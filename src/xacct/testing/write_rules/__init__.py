"""AWS's validation rules for writes that moto does not check."""

from __future__ import annotations

from xacct.testing.http_messages import Answer
from xacct.testing.write_rules import (
    authorization_details,
    bucket_access,
    buckets,
    entities,
    identity_providers,
    keys,
    organizations,
    policies,
    policy_simulator,
    resource_policies,
    sign_in,
)
from xacct.testing.write_rules.encoded_documents import with_encoded_documents
from xacct.testing.write_rules.parameters import check_entities_exist, check_parameters, check_policies_exist
from xacct.testing.write_rules.write import Postprocess, Rule, Write

__all__ = ["Write", "apply_write_rules"]


def apply_write_rules(write: Write) -> Postprocess | Answer | None:
    """Apply AWS's validation rules to a permitted call, before moto processes it.

    Args:
        write: the call.

    Returns:
        The answer, if the sandbox answers the call itself; a function that changes moto's answer; or None, if moto's
        answer is right as it is.

    Raises:
        Refused: AWS would refuse the call.
    """
    if write.call.service == "iam":
        check_parameters(write)
        check_policies_exist(write)
        check_entities_exist(write)
    rule = _RULES.get((write.call.service, write.call.operation))
    result = rule(write) if rule else None
    return with_encoded_documents(result) if write.call.service == "iam" else result


_RULES: dict[tuple[str, str], Rule] = {
    **entities.RULES,
    **policies.RULES,
    **sign_in.RULES,
    **identity_providers.RULES,
    **authorization_details.RULES,
    **policy_simulator.RULES,
    **buckets.RULES,
    **bucket_access.RULES,
    **keys.RULES,
    **resource_policies.RULES,
    **organizations.RULES,
}
