"""The result of fan_out as data: a table, JSON and pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType
from typing import Generic, TypeVar

from attrs import field, frozen
from botocore.exceptions import ClientError

from xacct.errors import InvalidValue, XacctError
from xacct.retry import code_of

__all__ = ["FanOut"]

T = TypeVar("T")


@frozen(repr=False)
class FanOut(Generic[T]):
    """The result or error of a function in each account, in the order of the targets. Prints as a table.

    It can be pickled and copied if the results can. An error that pickle cannot restore is pickled as an `XacctError`
    with its type and message.
    """

    _results: dict[str, T] = field(alias="results")
    _errors: dict[str, Exception] = field(alias="errors")
    _order: tuple[str, ...] = field(alias="order", eq=False)

    @property
    def results(self) -> Mapping[str, T]:
        """The return values by account id."""
        return MappingProxyType(self._results)

    @property
    def errors(self) -> Mapping[str, Exception]:
        """The exceptions by account id: of the function, or of assuming the role."""
        return MappingProxyType(self._errors)

    @property
    def ok(self) -> bool:
        """Whether no account failed."""
        return not self._errors

    def to_dict(self, result: Callable[[T], object] | None = None) -> dict[str, object]:
        """Return the results and errors as data that ``json.dumps`` accepts.

        An error has its ``type``, its ``message`` and its ``fields``: those of an error of xacct, and the ``code`` and
        the ``operation`` of an error response of AWS.

        Args:
            result: returns a result as JSON data, such as ``Snapshot.to_dict``; None if the results are JSON data.

        Raises:
            InvalidValue: a result is not JSON data; the message has its account.

        >>> from xacct import fan_out
        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111"]) as aws:
        ...     fan_out([aws.account("111111111111").session], lambda session: session.region_name).to_dict()
        {'results': {'111111111111': 'eu-central-1'}, 'errors': {}}
        """
        results: dict[str, object] = {}
        for key in self._order:
            if key in self._results:
                results[key] = self._results[key] if result is None else result(self._results[key])
                _check_json(key, results[key])
        return {
            "results": results,
            "errors": {key: _error_data(self._errors[key]) for key in self._order if key in self._errors},
        }

    def __getstate__(self) -> tuple[dict[str, T], dict[str, Exception], tuple[str, ...]]:
        errors = {key: _with_pickle(error) for key, error in self._errors.items()}
        return self._results, errors, self._order

    def __setstate__(self, state: tuple[dict[str, T], dict[str, Exception], tuple[str, ...]]) -> None:
        for name, value in zip(("_results", "_errors", "_order"), state):
            object.__setattr__(self, name, value)

    @property
    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            ("FAIL", account, f"{type(self._errors[account]).__name__}: {self._errors[account]}")
            if account in self._errors
            else ("ok", account, str(self._results[account]))
            for account in self._order
        ]

    def __str__(self) -> str:
        return "\n".join(f"{status:4}  {account}  {text}" for status, account, text in self._rows)

    def __repr__(self) -> str:
        return f"<FanOut: {len(self._results)} accounts succeeded, {len(self._errors)} failed>"

    def _repr_html_(self) -> str:
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows)
        return f"<table><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _check_json(key: str, value: object) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        rule = f"not JSON data ({error}). Return JSON data from the function, or pass a function as result="
        raise InvalidValue(f"results[{key!r}]", value, rule) from None


def _error_data(error: Exception) -> dict[str, object]:
    fields: dict[str, object] = {}
    if isinstance(error, XacctError):
        fields = {name: _plain(value) for name, value in vars(error).items() if not name.startswith("_")}
    elif isinstance(error, ClientError):
        fields = {"code": code_of(error), "operation": error.operation_name}
    return {"type": type(error).__name__, "message": str(error), "fields": fields}


def _plain(value: object) -> object:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


def _with_pickle(error: Exception) -> Exception:
    """Return the error, or another one with its type and message if pickle cannot restore it."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 # of this process
    except Exception:  # noqa: BLE001 # whatever the methods of somebody's class raise
        return XacctError(f"{type(error).__name__}: {error}")
    return error
