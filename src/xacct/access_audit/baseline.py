"""Baselines: findings that somebody accepts, each for a reason and until a date."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timezone
from typing import Protocol

from attrs import Attribute, field, frozen

from xacct.access_audit.finding import Finding
from xacct.errors import InvalidValue

__all__ = ["Acceptance", "Baseline"]

_ID = re.compile("[0-9a-f]{16}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_RULE = "must be a date, such as 2027-03-31"


def _check_id(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidValue(attribute.name, value, "must be the ID of a finding: 16 hexadecimal digits in lower case")


def _check_reason(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(attribute.name, value, "say why the finding is accepted")


def _check_text(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str):
        raise InvalidValue(attribute.name, value, "must be a string")


def _check_date(_: object, attribute: Attribute[date], value: object) -> None:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidValue(attribute.name, value, _DATE_RULE)


@frozen(kw_only=True)
class Acceptance:
    """A finding that is accepted, why, and until when.

    Attributes:
        id: the finding's ID.
        reason: why it is accepted.
        until: the last day on which it is accepted, in UTC.
        about: what the finding is, for those who read the baseline. It has no effect.

    Raises:
        InvalidValue: the ID is not that of a finding, there is no reason, or no date.
    """

    id: str = field(validator=_check_id)
    reason: str = field(validator=_check_reason)
    until: date = field(validator=_check_date)
    about: str = field(default="", validator=_check_text)

    def has_expired(self, now: datetime) -> bool:
        """Return whether the acceptance has ended.

        Args:
            now: the time, with a time zone.
        """
        return now.astimezone(timezone.utc).date() > self.until

    def to_dict(self) -> dict[str, str]:
        """Return the acceptance as plain data."""
        data = {"id": self.id, "reason": self.reason, "until": self.until.isoformat()}
        return {**data, "about": self.about} if self.about else data


class _HasFindings(Protocol):
    @property
    def findings(self) -> tuple[Finding, ...]: ...


def _as_tuple(accepted: Iterable[Acceptance]) -> tuple[Acceptance, ...]:
    return tuple(accepted)


def _check_unique(_: object, __: object, accepted: tuple[Acceptance, ...]) -> None:
    seen: set[str] = set()
    for index, acceptance in enumerate(accepted):
        if acceptance.id in seen:
            raise InvalidValue(f"accepted[{index}].id", acceptance.id, "this finding is accepted twice")
        seen.add(acceptance.id)


@frozen
class Baseline:
    """Findings that are accepted. See :meth:`AuditReport.with_baseline`.

    Kept in a file of JSON or TOML, it is a list of objects with the keys ``id``, ``reason`` and ``until``.

    Attributes:
        accepted: the accepted findings.

    Raises:
        InvalidValue: a finding is accepted twice.

    >>> baseline = Baseline.from_dict({"accepted": [
    ...     {"id": "0123456789abcdef", "reason": "The vendor leaves in March", "until": "2027-03-31"}]})
    >>> baseline.accepted[0].until
    datetime.date(2027, 3, 31)
    """

    accepted: tuple[Acceptance, ...] = field(default=(), converter=_as_tuple, validator=_check_unique)

    @classmethod
    def of(cls, report: _HasFindings, reason: str, until: date) -> Baseline:
        """Return a baseline that accepts all findings of a report.

        Args:
            report: the report of an audit.
            reason: why they are accepted.
            until: the last day on which they are accepted.

        Raises:
            InvalidValue: there is no reason, or no date.
        """
        return cls(
            Acceptance(id=finding.id, reason=reason, until=until, about=_about(finding)) for finding in report.findings
        )

    def extended(self, report: _HasFindings, reason: str, until: date) -> Baseline:
        """Return the baseline with the findings of a report accepted too.

        What the baseline accepts already stays as it is, except for what the report still has, because its acceptance
        has ended: that gets the new reason and date.

        Args:
            report: the report of an audit, with this baseline applied.
            reason: why its findings are accepted.
            until: the last day on which they are accepted.

        Raises:
            InvalidValue: there is no reason, or no date.
        """
        new = Baseline.of(report, reason, until)
        return Baseline((*(kept for kept in self.accepted if kept.id not in new.by_id), *new.accepted))

    def to_dict(self) -> dict[str, object]:
        """Return the baseline as plain data, to be kept in a file."""
        return {"accepted": [acceptance.to_dict() for acceptance in self.accepted]}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Baseline:
        """Return the baseline that a file has.

        Args:
            data: the file's data, as ``json.load`` or ``tomllib.load`` return it.

        Raises:
            InvalidValue: the data is not that of a baseline. The error has the path of the value, such as
                ``accepted[0].until``.
        """
        members = _members("baseline", data, required=("accepted",))
        accepted = members["accepted"]
        if not isinstance(accepted, (list, tuple)):
            raise InvalidValue("accepted", accepted, "must be a list")
        return cls(_read_each(accepted))

    @property
    def by_id(self) -> Mapping[str, Acceptance]:
        """The acceptances by the ID of the finding."""
        return {acceptance.id: acceptance for acceptance in self.accepted}


def _about(finding: Finding) -> str:
    return f"{finding.kind}: {finding.principal or 'nobody'} on {finding.resource}"


def _read_each(accepted: Iterable[object]) -> Iterable[Acceptance]:
    for index, item in enumerate(accepted):
        path = f"accepted[{index}]"
        members = _members(path, item, required=("id", "reason", "until"), optional=("about",))
        if isinstance(members["until"], str):
            members["until"] = _date(f"{path}.until", members["until"])
        try:
            yield Acceptance(**members)  # type: ignore[arg-type]  # the validators check the types
        except InvalidValue as error:
            raise InvalidValue(f"{path}.{error.field}", error.value, error.rule) from None


def _date(path: str, text: str) -> date:
    # Newer versions of Python also read other forms, such as 20270331.
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:  # a month 13, for example
            pass
    raise InvalidValue(path, text, _DATE_RULE)


def _members(
    path: str, data: object, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, object]:
    if not isinstance(data, Mapping):
        raise InvalidValue(path, data, "must be an object")
    known = (*required, *optional)
    for key in data:
        if key not in known:
            raise InvalidValue(f"{path}.{key}", "(unknown key)", f"the keys are {', '.join(known)}")
    for key in required:
        if key not in data:
            raise InvalidValue(f"{path}.{key}", "(missing)", "this key is required")
    return dict(data)
