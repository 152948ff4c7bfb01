"""Grants in a file: who gets access to what between which accounts, in TOML, JSON or YAML."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from attrs import evolve, field, frozen

from xacct.data_file import DataFile
from xacct.errors import InvalidValue, PolicyError, XacctError
from xacct.grant_account import GrantAccount, connect_one
from xacct.grants import TrustGrant
from xacct.grants_file_entries import AccountEntry, GrantEntry
from xacct.grants_plan import DeclaredGrants, GrantsPlan, PairPlan
from xacct.plain_data import from_dict, to_dict
from xacct.proof import Proof, prove
from xacct.read_grant import ReadGrant
from xacct.reconcile.plan import OnError
from xacct.retry import Patience
from xacct.switch_role import SwitchRoleLink

__all__ = ["GrantsFile"]


@frozen(kw_only=True)
class _Contents:
    """What a file has at its top."""

    accounts: Mapping[str, AccountEntry]
    grants: tuple[Mapping[str, Any], ...]


def _entries(entries: Iterable[GrantEntry]) -> tuple[GrantEntry, ...]:
    return tuple(entries)


def _accounts(accounts: Mapping[str, AccountEntry]) -> dict[str, AccountEntry]:
    return dict(accounts)


@frozen(kw_only=True)
class GrantsFile:
    """Grants between accounts, as a file declares them. :func:`xacct.grants_file_schema` describes the file.

    Args:
        accounts: the accounts by the names that the grants use.
        grants: the grants.

    Raises:
        InvalidValue: a grant names an account that is not there; or two grants between the same accounts have one name;
            or two grants have a role or a policy of the same name in one account.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> text = '''
    ... [accounts]
    ... production = {profile = "production"}
    ... development = {profile = "development"}
    ...
    ... [[grants]]
    ... trusting = "production"
    ... trusted = "development"
    ... bucket = ["reports"]
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "grants.toml"
    ...     _ = path.write_text(text.replace("bucket", "buckets"))
    ...     print(GrantsFile.read(path).grants[0].grant.buckets)
    ...     _ = path.write_text(text)
    ...     GrantsFile.read(path)
    Traceback (most recent call last):
        ...
    xacct.errors.InvalidValue: ...grants.toml:9: grants[0].bucket: '(unknown key)' is not valid: did you mean 'buckets'?
    """

    accounts: Mapping[str, AccountEntry] = field(converter=_accounts)
    grants: tuple[GrantEntry, ...] = field(converter=_entries)
    _source: DataFile | None = field(init=False, default=None, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        names: dict[tuple[str, ...], int] = {}
        for number, entry in enumerate(self.grants):
            for side, label in (("trusting", entry.trusting), ("trusted", entry.trusted)):
                if label not in self.accounts:
                    raise InvalidValue(f"grants[{number}].{side}", label, _known(label, self.accounts))
            for name_field, (label, name) in entry.resources.items():
                first = names.setdefault((name_field, entry.trusting, entry.trusted, entry.name), number)
                if first != number:
                    rule = f"grants[{first}] has this name between the same accounts: name each grant differently"
                    raise InvalidValue(f"grants[{number}].name", entry.name, rule)
                # IAM does not distinguish upper and lower case in names.
                first = names.setdefault((name_field, label, name.lower()), number)
                if first != number:
                    rule = f"grants[{first}] has this {name_field} in account {label}: choose another"
                    raise InvalidValue(f"grants[{number}].{name_field}", name, rule)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> GrantsFile:
        """Read a file. No call is made to AWS.

        Args:
            path: the path. The suffix says the format: ``.toml``, ``.json``, or ``.yaml`` or ``.yml`` with the extra
                ``xacct[yaml]``.

        Raises:
            InvalidValue: the file is not valid; the error has the path, the line and the field.
            ImportError: the library for the format is not installed; says what to install.
            OSError: the file cannot be read.
        """
        file = DataFile.read(path)
        try:
            grants = cls.from_dict(file.data)
        except InvalidValue as error:
            located = file.located(error)
        else:
            object.__setattr__(grants, "_source", file)
            return grants
        raise located

    @classmethod
    def from_dict(cls, data: object) -> GrantsFile:
        """Return the grants of plain data, such as that of a JSON file.

        Args:
            data: an object with ``accounts`` and ``grants``, as :func:`xacct.grants_file_schema` describes it.

        Raises:
            InvalidValue: the data is not valid; the error has the path of the field, such as ``grants[0].buckets``.
        """
        if not isinstance(data, Mapping):
            raise InvalidValue("the file", f"(of type {type(data).__name__})", "an object with accounts and grants")
        contents = from_dict(_Contents, {key: data[key] for key in data if key != "$schema"})
        return cls(
            accounts=contents.accounts,
            grants=[_entry(grant, number) for number, grant in enumerate(contents.grants)],
        )

    def to_dict(self) -> dict[str, object]:
        """Return the grants as plain data, without passwords. `from_dict` returns an equal value.

        >>> GrantsFile(accounts={"production": AccountEntry(profile="production")}, grants=[]).to_dict()
        {'accounts': {'production': {'profile': 'production'}}, 'grants': []}
        """
        return {
            "accounts": {label: to_dict(account) for label, account in self.accounts.items()},
            "grants": [entry.to_dict() for entry in self.grants],
        }

    def plan(self, *, adopt: bool = False, on_error: OnError = "raise", patience: Patience | None = None) -> GrantsPlan:
        """Read the accounts, and return the changes that bring them to what the grants declare. Nothing is changed.

        A `ReadGrant` that exists and ends later keeps the later end.

        Args:
            adopt: whether to take over resources with the same names that xacct did not create, or that belong to
                another grant.
            on_error: what a grant that fails does to the others: ``raise`` stops; ``collect`` goes on with them, and
                `GrantsPlan.apply` raises GrantsFailed at the end.
            patience: how long to retry each call while IAM changes propagate; two minutes by default.

        Raises:
            InvalidValue: a grant does not fit its accounts, such as a bucket that does not exist; or the credentials of
                an account belong to another one. The error has the path, the line and the field.
            SessionExpired: the credentials of an account have expired.
            InvalidCredentials: there are no credentials of an account, or AWS rejects them.
            NotOurs: a resource with a grant's name was not created by xacct.
            GrantConflict: a resource with a grant's name belongs to another grant.
            CannotChange: a resource differs in something that AWS cannot change.
            PermissionMissing: a caller lacks a permission to read; says which one to add.
        """
        if on_error not in ("raise", "collect"):
            raise InvalidValue("on_error", on_error, "'raise' or 'collect'")
        accounts = self._connect(patience or Patience())
        failures: dict[str, XacctError] = {}
        pairs = [
            self._plan_pair(numbers, _no_grants(*labels, accounts), failures, adopt=adopt, on_error=on_error)
            for labels, numbers in self._pairs().items()
        ]
        if failures and on_error == "raise":
            raise next(iter(failures.values()))
        return GrantsPlan(pairs=tuple(pair for pair in pairs if pair), failures=failures, on_error=on_error)

    def prove(self, *, patience: Patience | None = None) -> dict[str, Proof]:
        """Prove each grant, with the managed policies that the sessions of the accounts read. Nothing is changed.

        Args:
            patience: how long to retry each call; two minutes by default.

        Returns:
            The proof of each role and of each policy, by a description of it.

        Raises:
            InvalidValue: a grant does not fit its accounts. The error has the path, the line and the field.
            AwsError: a call failed.
        """
        accounts = self._connect(patience or Patience())
        proofs = {}
        for number, entry in enumerate(self.grants):
            declared = self._declare(number, _no_grants(entry.trusting, entry.trusted, accounts))
            for grant in declared.grants:
                is_role = isinstance(grant, TrustGrant)
                what = f"role {grant.role_name}" if isinstance(grant, TrustGrant) else f"policy {grant.policy_name}"
                account = declared.here if is_role else declared.there
                proofs[f"{declared.label_of(grant.name)}: {what}"] = prove(grant, account.session)
        return proofs

    def _pairs(self) -> dict[tuple[str, str], list[int]]:
        """Return the positions of the grants between each two accounts."""
        pairs: dict[tuple[str, str], list[int]] = {}
        for number, entry in enumerate(self.grants):
            pairs.setdefault((entry.trusting, entry.trusted), []).append(number)
        return pairs

    def _plan_pair(
        self,
        numbers: Iterable[int],
        declared: DeclaredGrants,
        failures: dict[str, XacctError],
        *,
        adopt: bool,
        on_error: OnError,
    ) -> PairPlan | None:
        """Return the plan between two accounts, and record what fails; None if no grant is left."""
        for number in numbers:
            declared = self._try_to_declare(number, declared, failures)
        if not declared.grants or (failures and on_error == "raise"):
            return None
        try:
            plan = declared.plan(adopt=adopt, on_error=on_error)
        except XacctError as error:
            failures |= {declared.label_of(grant.name): error for grant in declared.grants}
            return None
        return PairPlan(plan=plan, declared=declared, adopt=adopt, on_error=on_error)

    def _try_to_declare(self, number: int, declared: DeclaredGrants, failures: dict[str, XacctError]) -> DeclaredGrants:
        try:
            return self._declare(number, declared)
        except XacctError as error:
            failures[declared.label_of(self.grants[number].name)] = error
            return declared

    def _connect(self, patience: Patience) -> dict[str, GrantAccount]:
        """Open the session of each account that a grant names, and read whose it is."""
        labels = dict.fromkeys(label for entry in self.grants for label in (entry.trusting, entry.trusted))
        accounts: dict[str, GrantAccount] = {}
        for label in labels:
            account = connect_one(self.accounts[label].open_session(), label, patience=patience)
            with self._located(f"accounts.{label}"):
                wanted = self.accounts[label].id
                if wanted not in (None, account.id):
                    raise InvalidValue("id", wanted, f"the credentials belong to account {account.id}")
                for other, known in accounts.items():
                    if known.id == account.id:
                        rule = f"the same account as accounts.{other}: use one name for it"
                        raise InvalidValue("id", account.id, rule)
            accounts[label] = account
        return accounts

    def _declare(self, number: int, declared: DeclaredGrants) -> DeclaredGrants:
        """Return what is declared between two accounts, with a further grant of the file."""
        grant, here, there = self.grants[number].grant, declared.here, declared.there
        with self._located(f"grants[{number}]"):
            if isinstance(grant, ReadGrant):
                trust = grant.trust_grant(here, there)
                pair = trust, grant.dev_access_grant(trust, there)
                links = {**declared.links, **_links(grant, trust)}
                return evolve(declared, pairs=(*declared.pairs, pair), links=links)
            account = here if isinstance(grant, TrustGrant) else there
            if grant.account != account.id:
                rule = f"the {account.side} account of this grant is {account.id}"
                raise InvalidValue("account", grant.account, rule)
            return evolve(declared, others=(*declared.others, grant))

    @contextmanager
    def _located(self, path: str) -> Iterator[None]:
        """Put the path, the file and the line before the field of an error."""
        try:
            with _within(path):
                yield
        except InvalidValue as error:
            if self._source is None:
                raise
            located = self._source.located(error)
        else:
            return
        raise located


def _no_grants(trusting: str, trusted: str, accounts: Mapping[str, GrantAccount]) -> DeclaredGrants:
    here, there = evolve(accounts[trusting], side="trusting"), evolve(accounts[trusted], side="trusted")
    return DeclaredGrants(trusting=trusting, trusted=trusted, here=here, there=there)


def _links(grant: ReadGrant, trust: TrustGrant) -> dict[str, SwitchRoleLink]:
    try:
        return {trust.role_arn: grant.switch_role_link(trust)}
    except InvalidValue:  # the console cannot switch to the role
        return {}


def _entry(data: Mapping[str, Any], number: int) -> GrantEntry:
    with _within(f"grants[{number}]"):
        return GrantEntry.from_dict(data)


def _known(label: str, accounts: Iterable[str]) -> str:
    names = list(accounts)
    nearest = get_close_matches(label, names, n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else f"the accounts are {', '.join(names) or 'missing'}"


@contextmanager
def _within(path: str) -> Iterator[None]:
    """Put a path before the field of an error."""
    try:
        yield
    except InvalidValue as error:
        name = f"{path}.{error.field}" if error.field else path
        inner = InvalidValue(name, error.value, error.rule)
    except PolicyError as error:
        inner = InvalidValue(f"{path}.{error.path}" if error.path else path, "(in the policy)", error.problem)
    else:
        return
    raise inner
