"""The permissions of Amazon ECR, and the policies of its repositories.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
"""

from __future__ import annotations

from xacct.arn import Arn
from xacct.testing.moto_state import MotoState
from xacct.testing.required_permissions.service_rules import Needs, ResourceState, ServiceRules

__all__ = ["RULES"]


def _find(state: MotoState, arn: Arn) -> ResourceState | None:
    backend = state.backend("ecr", arn.account, arn.region)
    repository = None if backend is None else backend.repositories.get(arn.resource.removeprefix("repository/"))
    if backend is None or repository is None:
        return None
    return ResourceState(policy=repository.policy, tags=backend.tagger.get_tag_dict_for_resource(repository.arn))


RULES = ServiceRules(
    prefix="ecr",
    operations={
        "CreateRepository": (Needs(action="CreateRepository"), Needs(action="TagResource", when="tags")),
        "ListImageReferrers": (Needs(action="BatchGetImage"),),
    },
    names={"RepositoryName": "repositoryName || repositoryNames"},
    owner="registryId",
    find=_find,
    tag_keys=("aws:ResourceTag", "ecr:ResourceTag"),
)
