"""What AWS minds when something is written, and moto does not."""

from __future__ import annotations

from xacct.testing.http_messages import Answer
from xacct.testing.write_rules import buckets, entities, policies, sign_in
from xacct.testing.write_rules.documents import key_policy
from xacct.testing.write_rules.parameters import check_entities, check_fields, check_policies
from xacct.testing.write_rules.write import Afterwards, Rule, Write

__all__ = ["Write", "apply_write_rules"]


def apply_write_rules(write: Write) -> Afterwards | Answer | None:
    """Refuse what AWS would refuse and moto would not, before moto sees a call that is allowed.

    Args:
        write: the call.

    Returns:
        The answer where moto has none, or what is to be done to moto's; None where moto does all.

    Raises:
        Refused: as AWS refuses it.
    """
    if write.call.service == "iam":
        check_fields(write)
        check_policies(write)
        check_entities(write)
    rule = _RULES.get((write.call.service, write.call.operation))
    return rule(write) if rule else None


_RULES: dict[tuple[str, str], Rule] = {
    **entities.RULES,
    **policies.RULES,
    **sign_in.RULES,
    **buckets.RULES,
    ("kms", "CreateKey"): key_policy,
    ("kms", "PutKeyPolicy"): key_policy,
}
