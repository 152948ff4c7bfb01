"""Times as policies and IAM's tags have them: ISO 8601 in UTC, to the second."""

from __future__ import annotations

from datetime import datetime, timezone

__all__ = ["time_from_text", "time_to_text"]

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def time_to_text(moment: datetime) -> str:
    """Return a time as text.

    Args:
        moment: the time, with a time zone.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

    >>> time_to_text(datetime(2027, 1, 31, 12, tzinfo=timezone.utc))
    '2027-01-31T12:00:00Z'
    """
    return moment.astimezone(timezone.utc).strftime(_FORM)


def time_from_text(text: str) -> datetime | None:
    """Return the time of a text that has the form of `time_to_text`; None if it has another form.

    >>> time_from_text("2027-01-31T12:00:00Z")
    datetime.datetime(2027, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
