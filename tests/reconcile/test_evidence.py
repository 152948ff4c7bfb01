"""What decides before the first change whether grants are applied, with proofs and reads given."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, evolve, field
from botocore.exceptions import ClientError

from xacct import DevAccessGrant, InvalidValue, PolicyDocument, Statement, TrustGrant
from xacct.errors import AwsError, ProofFailed, ProofNotDecided
from xacct.reconcile.evidence import Evidence, accepted_names, read_evidence
from xacct.reconcile.observation import Observation
from xacct.reconcile.parts import Part
from xacct.report_table import Check
from xacct.resources.role import Role

from .accounts import TRUSTED, TRUSTING
from .known_accounts import role_state
from .things import NOTHING, seen
from .tutorial import EC2_READ, S3_READ

TRUST = TrustGrant(account=TRUSTING, role_name="Reader", principals=TRUSTED, managed_policy_arns=S3_READ)
ACCESS = DevAccessGrant(account=TRUSTED, policy_name="UseReader", role_arns=TRUST.role_arn)
DOCUMENT = PolicyDocument([Statement.allow("s3:GetObject", "*")])
EVIDENCE = Evidence(policies={}, organization=None, trusting=TRUSTING, trusted=TRUSTED, accepted=frozenset())


def account(identity: str) -> Any:
    def attempt(call: Callable[[], object], *, doing: str, resource: str) -> object:
        assert doing == f"reading policy {resource}"
        return call()

    return SimpleNamespace(side="trusting", id=identity, iam=f"the client of {identity}", attempt=attempt)


def part(*grants: Any, role: Any = None, changes: bool = True) -> Part:
    """Grants, with a policy that changes or not, and with a role."""
    roles = () if role is None else (role,)
    applied = ("apply",) if changes else ()
    return Part(grants=grants, observed=evolve(NOTHING, policies=(seen(applied=applied),), roles=roles))


def new_role(grant: TrustGrant, state: Any = None, *, unwanted: bool = False) -> Any:
    """The observation of a role that is to be created, unless there is a state."""
    return Observation(Role(account=account(TRUSTING), grant=grant), state, unwanted)


def check(name: str, ok: bool | None) -> Check:
    return Check(name=name, expected="refused", observed="allowed", ok=ok, why=f"why {name}")


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> dict[Any, list[Check]]:
    """The checks of each grant by its name; none by default."""
    checks: dict[Any, list[Check]] = {}

    def prove(grant: Any, policies: Any) -> Any:
        assert policies is EVIDENCE.policies
        found = checks.get(grant.name, [])
        return SimpleNamespace(checks=found, undecided=[check for check in found if check.ok is None])

    monkeypatch.setattr(import_module("xacct.reconcile.evidence"), "prove_with_policies", prove)
    return checks


@pytest.mark.parametrize(("grant", "label"), [(TRUST, "role Reader"), (ACCESS, "policy UseReader")])
def test_a_grant_whose_proof_fails_is_refused(proofs: Any, grant: Any, label: str) -> None:
    proofs[grant.name] = [check("a", False), check("b", True), check("c", None), check("d", False)]
    with pytest.raises(ProofFailed) as refused:
        EVIDENCE.refuse_unproven(part(grant))

    assert refused.value.grant == label
    assert refused.value.failures == tuple(f"{name}: expected refused, observed allowed (why {name})" for name in "ad")


def test_a_proof_that_is_not_decided_is_refused_unless_it_is_accepted(proofs: Any) -> None:
    proofs[TRUST.name] = [check("a", None), check("b", True), check("c", None)]
    with pytest.raises(ProofNotDecided) as refused:
        evolve(EVIDENCE, accepted=frozenset({"a"})).refuse_unproven(part(ACCESS, TRUST))

    assert (refused.value.grant, refused.value.undecided) == ("role Reader", {"c": "why c"})
    evolve(EVIDENCE, accepted=frozenset({"a", "c", "d"})).refuse_unproven(part(ACCESS, TRUST))


def test_a_grant_without_changes_is_not_proved(proofs: Any) -> None:
    proofs[TRUST.name] = [check("a", False)]

    EVIDENCE.refuse_unproven(part(TRUST, changes=False))


OUTSIDE = evolve(EVIDENCE, organization="o-abcdefghij")


def test_an_account_outside_the_organization_needs_an_external_id(proofs: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        OUTSIDE.refuse_unproven(part(TRUST, role=new_role(TRUST)))

    assert refused.value.field == "external_id"
    assert refused.value.value is None
    start = f"account {TRUSTED} does not belong to your organization, o-abcdefghij, and a third party's role needs"
    assert refused.value.rule.startswith(start)
    assert refused.value.rule.endswith(". If the account is yours, pass third_party=False")
    EVIDENCE.refuse_unproven(part(TRUST, role=new_role(TRUST)))


@pytest.mark.parametrize(
    "role",
    [
        None,
        new_role(evolve(TRUST, external_id="d7e9a1c0-7d5b-4a64-9d8a-1f1b6f0a2c11")),
        new_role(evolve(TRUST, third_party=False)),
        new_role(evolve(TRUST, organization_id="o-abcdefghij")),
        new_role(evolve(TRUST, principals="333333333333")),
        new_role(TRUST, unwanted=True),
        new_role(TRUST, evolve(role_state(TRUST), trust=TRUST.trust_policy)),
    ],
)
def test_the_organization_does_not_matter_if_no_unknown_account_is_newly_trusted(
    proofs: Any, monkeypatch: pytest.MonkeyPatch, role: Any
) -> None:
    asked = organization_is(monkeypatch, "o-abcdefghij")
    policy_is_read(monkeypatch)
    OUTSIDE.refuse_unproven(part(TRUST, role=role))
    evidence = read_evidence([part(TRUST, role=role)], account(TRUSTING), account(TRUSTED), accepted=frozenset())

    assert asked == []
    assert evidence.organization is None


def test_one_account_on_both_sides_is_not_outside_the_organization(
    proofs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = organization_is(monkeypatch, "o-abcdefghij")
    policy_is_read(monkeypatch)
    same = evolve(TRUST, principals=TRUSTING)
    evolve(OUTSIDE, trusted=TRUSTING).refuse_unproven(part(same, role=new_role(same)))
    parts = [part(same, role=new_role(same))]
    read_evidence(parts, account(TRUSTING), account(TRUSTING), accepted=frozenset())

    assert asked == []


def organization_is(monkeypatch: pytest.MonkeyPatch, identity: str) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    def organization_without(trusted: Any, *, trusting: Any) -> str:
        asked.append((trusted.id, trusting.id))
        return identity

    monkeypatch.setattr(import_module("xacct.reconcile.evidence"), "organization_without", organization_without)
    return asked


def policy_is_read(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[tuple[str, str]]:
    reads: list[tuple[str, str]] = []

    def read(iam: str, arn: str) -> PolicyDocument:
        reads.append((iam, arn))
        if error is not None:
            raise error
        return DOCUMENT

    monkeypatch.setattr(import_module("xacct.reconcile.evidence"), "_policy_document", read)
    return reads


@pytest.mark.parametrize("trust", [None, DOCUMENT])
def test_the_policies_and_the_organization_are_read_for_the_grants_that_change(
    monkeypatch: pytest.MonkeyPatch, trust: PolicyDocument | None
) -> None:
    asked, reads = organization_is(monkeypatch, "o-abcdefghij"), policy_is_read(monkeypatch)
    state = None if trust is None else evolve(role_state(TRUST), trust=trust)
    bounded = evolve(TRUST, permissions_boundary=EC2_READ)
    unchanged = part(bounded, changes=False)
    parts = [part(ACCESS), part(TRUST, role=new_role(TRUST, state)), part(TRUST), unchanged]
    evidence = read_evidence(parts, account(TRUSTING), account(TRUSTED), accepted=frozenset({"a"}))

    assert evidence == Evidence(
        policies={S3_READ: DOCUMENT},
        organization="o-abcdefghij",
        trusting=TRUSTING,
        trusted=TRUSTED,
        accepted=frozenset({"a"}),
    )
    assert reads == [(f"the client of {TRUSTING}", S3_READ)]
    assert asked == [(TRUSTED, TRUSTING)]


def test_a_policy_that_cannot_be_read_is_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    policy_is_read(monkeypatch, AwsError("no", doing="reading"))
    evidence = read_evidence([part(TRUST)], account(TRUSTING), account(TRUSTED), accepted=frozenset())

    assert isinstance(evidence.policies[S3_READ], Check)


@define
class PolicyVersions:
    """The client of an account whose policies have these versions, and the calls that it made."""

    default: str = "v3"
    versions: tuple[str, ...] = ("v1", "v2", "v3", "v4")
    calls: list[str] = field(factory=list)

    def get_policy(self, PolicyArn: str) -> Any:  # noqa: N803 - as IAM names it
        self.calls.append("GetPolicy")
        return {"Policy": {"Arn": PolicyArn, "DefaultVersionId": self.default}}

    def get_policy_version(self, PolicyArn: str, VersionId: str) -> Any:  # noqa: N803
        self.calls.append(f"GetPolicyVersion {VersionId}")
        if VersionId not in self.versions:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": PolicyArn}}, "GetPolicyVersion")
        statement = {"Sid": VersionId, "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"PolicyVersion": {"Document": document, "IsDefaultVersion": VersionId == self.default}}


@pytest.mark.parametrize(
    ("arn", "iam", "calls"),
    [
        (S3_READ, PolicyVersions(), ["GetPolicyVersion v3"]),
        (S3_READ, PolicyVersions("v4"), ["GetPolicyVersion v3", "GetPolicy", "GetPolicyVersion v4"]),
        (S3_READ, PolicyVersions("v2", ("v1", "v2")), ["GetPolicyVersion v3", "GetPolicy", "GetPolicyVersion v2"]),
        (EC2_READ, PolicyVersions(), ["GetPolicy", "GetPolicyVersion v3"]),
        (
            f"arn:aws:iam::{TRUSTING}:policy/AmazonS3ReadOnlyAccess",
            PolicyVersions("v2"),
            ["GetPolicy", "GetPolicyVersion v2"],
        ),
    ],
)
def test_the_default_version_of_a_policy_is_proved(arn: str, iam: PolicyVersions, calls: list[str]) -> None:
    """For a policy of AWS whose default version is the usual one, a single call reads it."""
    trusting = account(TRUSTING)
    trusting.iam = iam
    grant = evolve(TRUST, managed_policy_arns=[arn])
    evidence = read_evidence([part(grant)], trusting, account(TRUSTED), accepted=frozenset())

    document = evidence.policies[arn]
    assert isinstance(document, PolicyDocument)
    assert [statement.sid for statement in document.statements] == [iam.default]
    assert iam.calls == calls


@pytest.mark.parametrize(("accept", "names"), [("a check", {"a check"}), (["a", "b", "a"], {"a", "b"}), ((), set())])
def test_the_names_of_accepted_checks_are_texts(accept: Any, names: set[str]) -> None:
    assert accepted_names(accept) == names


def test_what_is_accepted_must_be_names() -> None:
    wrong: list[Any] = ["a", 7, None]
    with pytest.raises(InvalidValue) as refused:
        accepted_names(wrong)

    assert (refused.value.field, refused.value.value) == ("accept", 7)
    assert refused.value.rule == "the names of checks, such as 'policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'"
