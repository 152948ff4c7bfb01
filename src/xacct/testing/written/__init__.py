"""What AWS minds when something is written, and moto does not."""

from __future__ import annotations

from xacct.testing.wire import Answer
from xacct.testing.written import buckets, entities, login, policies
from xacct.testing.written.documents import key_policy
from xacct.testing.written.fields import check_entities, check_fields, check_policies
from xacct.testing.written.write import Afterwards, Rule, Write

__all__ = ["Write", "as_aws_writes"]


def as_aws_writes(write: Write) -> Afterwards | Answer | None:
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
    **login.RULES,
    **buckets.RULES,
    ("kms", "CreateKey"): key_policy,
    ("kms", "PutKeyPolicy"): key_policy,
}
