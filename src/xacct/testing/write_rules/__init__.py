"""AWS's validation rules for writes that moto does not check."""

from __future__ import annotations

from xacct.testing.http_messages import Answer
from xacct.testing.write_rules import (
    acls,
    authorization_details,
    bucket_access,
    bucket_settings,
    buckets,
    entities,
    handshakes,
    identity_providers,
    key_answers,
    key_requests,
    keys,
    listings,
    object_lock,
    object_versions,
    organizations,
    policies,
    policy_simulator,
    preconditions,
    resource_policies,
    service_credentials,
    service_linked_roles,
    sign_in,
    tag_sets,
    uploads,
)
from xacct.testing.write_rules.encoded_documents import with_encoded_documents
from xacct.testing.write_rules.parameters import check_entities_exist, check_parameters, check_policies_exist
from xacct.testing.write_rules.write import Check, Postprocess, Rule, Write

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
    operation = (write.call.service, write.call.operation)
    for check in _CHECKS.get(operation, ()):
        check(write)
    rule = _RULES.get(operation)
    result = rule(write) if rule else None
    return with_encoded_documents(result) if write.call.service == "iam" else result


_RULES: dict[tuple[str, str], Rule] = {
    **entities.RULES,
    **policies.RULES,
    **service_credentials.RULES,
    **service_linked_roles.RULES,
    **sign_in.RULES,
    **identity_providers.RULES,
    **authorization_details.RULES,
    **policy_simulator.RULES,
    **buckets.RULES,
    **bucket_access.RULES,
    **object_lock.RULES,
    **keys.RULES,
    **resource_policies.RULES,
    **handshakes.RULES,
    **organizations.RULES,
    **key_answers.RULES,
}

_CHECKS: dict[tuple[str, str], tuple[Check, ...]] = {}
for _checks in (
    object_versions.CHECKS,
    bucket_settings.CHECKS,
    object_lock.CHECKS,
    acls.CHECKS,
    tag_sets.CHECKS,
    uploads.CHECKS,
    preconditions.CHECKS,
    listings.CHECKS,
    key_requests.CHECKS,
):
    for _operation, _of_operation in _checks.items():
        _CHECKS[_operation] = _CHECKS.get(_operation, ()) + _of_operation
