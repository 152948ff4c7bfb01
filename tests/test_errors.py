"""The messages of the errors, and that every error can be pickled and copied with all its fields."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

from xacct import errors
from xacct.errors import (
    ApplyFailed,
    AssumeRoleDenied,
    AwsError,
    CannotChange,
    CannotExpress,
    ForeignAttachments,
    GrantConflict,
    GrantsFailed,
    InvalidCredentials,
    InvalidValue,
    MfaRejected,
    NotOurs,
    NotPropagated,
    PackedPolicyTooLarge,
    PermissionMissing,
    PolicyError,
    ProofFailed,
    ProofNotDecided,
    RegionDisabled,
    SessionExpired,
    StalePlan,
    TargetTimedOut,
    WrongAccount,
    XacctError,
)

ROLE = "arn:aws:iam::111111111111:role/Reader"
FAILED = WrongAccount("trusting", "111111111111", "222222222222")
EXAMPLES: list[XacctError] = [
    XacctError("failed"),
    InvalidValue("duration", 5, "at least 900"),
    PolicyError("Statement[0]", "is empty"),
    WrongAccount("trusting", "111111111111", "222222222222"),
    ProofFailed("role Reader", ["writes s3://reports"]),
    ProofNotDecided("role Reader", {"policy arn:p": "could not be read"}),
    NotOurs("111111111111", ["role Reader"]),
    GrantConflict("111111111111", ["role Reader"], owner="grant 'b' with 222222222222", wanted="grant 'c'"),
    CannotExpress(ROLE, ["statement 2 has the effect Deny"]),
    CannotChange("111111111111", "role Reader", "path", current="/", wanted="/teams/"),
    StalePlan("111111111111", ["role Reader"], new_plan="+ create role Reader"),
    ForeignAttachments("removing the grant", "111111111111", ["key A"], touched=True),
    ApplyFailed("creating role Reader", "throttled", remaining=["user U"], rolled_back=["policy P"]),
    GrantsFailed({"reports": FAILED}, ["logs"]),
    TargetTimedOut("111111111111", doing="assuming role Reader", seconds=60),
    AwsError("failed", doing="reading", account="111111111111", code="Throttling", ambiguous=True),
    PermissionMissing(
        doing="creating role Reader", account="111111111111", action="iam:CreateRole", resource=ROLE, message="no"
    ),
    NotPropagated("failed", doing="reading", account="111111111111", code="NoSuchEntity", ambiguous=True),
    AssumeRoleDenied("failed", role_arn=ROLE, context={"sts:ExternalId": "acme-42"}, doing="assuming", account="1"),
    SessionExpired("failed", doing="assuming", account="111111111111", code="ExpiredToken"),
    InvalidCredentials("failed", doing="reading", account=None, code="InvalidClientTokenId"),
    MfaRejected("failed", doing="assuming", account="111111111111", code="AccessDenied"),
    RegionDisabled("failed", doing="assuming", account="111111111111", code="RegionDisabledException"),
    PackedPolicyTooLarge("failed", doing="assuming", account="1", code="PackedPolicyTooLarge", percent=120),
]


def test_every_error_has_an_example_here() -> None:
    assert {type(error).__name__ for error in EXAMPLES} == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_an_xacct_error(name: str) -> None:
    assert issubclass(getattr(errors, name), XacctError)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_can_be_pickled_and_copied_with_all_its_fields(error: XacctError) -> None:
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for found in [*copies, copy.copy(error), copy.deepcopy(error)]:
        assert type(found) is type(error)
        assert (str(found), found.args, _fields(found)) == (str(error), error.args, _fields(error))


def _fields(error: XacctError) -> dict[str, object]:
    """The fields of an error. Errors in it are compared by what they say."""
    failures = {"failures": repr(error.failures)} if isinstance(error, GrantsFailed) else {}
    return {**vars(error), **failures}


RAISE_IN_WORKER = """
from xacct.errors import RegionDisabled
raise RegionDisabled("STS is not active", doing="assuming", account="111111111111", code="RegionDisabledException")
"""


def test_an_error_of_a_worker_process_arrives_as_itself() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as workers:
        with pytest.raises(RegionDisabled, match="STS is not active") as error:
            workers.submit(exec, RAISE_IN_WORKER).result()
        assert (error.value.doing, error.value.account) == ("assuming", "111111111111")
        assert workers.submit(len, "ok").result() == 2


def test_invalid_input_is_also_a_value_error() -> None:
    assert issubclass(InvalidValue, ValueError)
    assert issubclass(PolicyError, ValueError)


def test_an_invalid_value_names_the_field_the_value_and_the_rule() -> None:
    assert str(InvalidValue("duration", 5, "at least 900")) == "duration: 5 is not valid: at least 900"


def test_a_policy_error_without_a_path_is_just_the_problem() -> None:
    assert str(PolicyError("", "is not JSON")) == "is not JSON"


def test_a_missing_permission_names_the_account_the_action_and_the_statement_to_add() -> None:
    error = PermissionMissing(
        doing="creating role R", account="111111111111", action="iam:CreateRole", resource="arn:r", message="no"
    )
    assert "creating role R in account 111111111111 failed: the caller may not iam:CreateRole on arn:r" in str(error)
    assert '{"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "arn:r"}' in str(error)


def test_a_failed_apply_says_what_was_rolled_back_and_what_was_not() -> None:
    assert str(ApplyFailed("creating role R", "no")) == "creating role R failed: no. Nothing was changed"
    repeated = str(ApplyFailed("creating role R", "creating role R in account 1 failed: throttled."))
    assert repeated == "creating role R in account 1 failed: throttled. Nothing was changed"
    assert "Rolled back: policy P. The accounts are as they were before" in str(
        ApplyFailed("creating role R", "no", rolled_back=["policy P"])
    )
    remaining = str(ApplyFailed("creating role R", "no", remaining=["user U"], rolled_back=["policy P"]))
    assert "Remaining: user U. Fix the cause and run again; it resumes from here" in remaining


def test_foreign_attachments_are_listed_with_whether_something_was_removed() -> None:
    assert "not created by xacct: key A; key B. Nothing was changed" in str(
        ForeignAttachments("removing the grant", "111111111111", ["key A", "key B"])
    )
    assert "Nothing was changed" not in str(ForeignAttachments("deleting", "1", ["key A"], touched=True))


def test_the_other_errors_say_what_to_do() -> None:
    assert "Pass a session of account 1" in str(WrongAccount("trusting", "1", "2"))
    assert "pass adopt=True to adopt it" in str(NotOurs("1", ["role R"]))
    assert "Fix the grant" in str(ProofFailed("role R", ["writes"]))


def test_a_proof_that_is_not_decided_says_which_check_why_and_how_to_accept_it() -> None:
    error = ProofNotDecided("role R", {"policy arn:p": "throttled", "the role writes": "too many cases"})
    assert str(error) == (
        "The proof of role R is not decided. Nothing was changed. Fix the causes; or accept them by the names of the "
        "checks: accept=['policy arn:p', 'the role writes'].\n- policy arn:p: throttled\n"
        "- the role writes: too many cases"
    )


def test_a_conflict_names_both_grants_and_the_ways_out() -> None:
    error = GrantConflict("1", ["role R"], owner="grant 'b' with 2", wanted="grant 'c' with 3")
    assert "role R in account 1 belongs to grant 'b' with 2, so grant 'c' with 3 cannot use it" in str(error)
    for way in ("another role_name or policy_name", "widen the existing grant", "adopt=True"):
        assert way in str(error)


def test_a_property_that_aws_cannot_change_is_named_with_both_values() -> None:
    error = CannotChange("1", "role R", "path", current="/", wanted="/teams/")
    assert "role R in account 1 has path '/', and AWS cannot change it to '/teams/'. Nothing was changed" in str(error)


def test_a_role_that_no_grant_can_express_is_named_with_every_reason() -> None:
    assert f"{ROLE} cannot be expressed as a grant: one; two." in str(CannotExpress(ROLE, ["one", "two"]))


def test_a_stale_plan_shows_the_new_one() -> None:
    assert "role R in account 1 changed after the plan was made" in str(StalePlan("1", ["role R"]))
    assert str(StalePlan("1", ["role R"])).endswith("apply them.")
    assert str(StalePlan("1", ["role R"], new_plan="+ create role R")).endswith("made now:\n+ create role R")


def test_failed_grants_are_listed_with_their_causes() -> None:
    error = GrantsFailed({"reports": FAILED}, ["logs", "backups"])
    assert str(error).startswith("1 of 3 grants failed; the others are in effect")
    assert f"\n- reports: {FAILED}" in str(error)
