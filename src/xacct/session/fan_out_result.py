"""The result of fan_out as data: a table, JSON and pickle."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Mapping
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from attrs import field, frozen
from botocore.exceptions import ClientError

from xacct.errors import InvalidValue, XacctError
from xacct.retry import code_of
from xacct.session.target import Target

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped] # an optional library without types of its own

__all__ = ["FanOut", "TargetOutcome"]

T = TypeVar("T")


@frozen(kw_only=True)
class TargetOutcome(Generic[T]):
    """How one target of `fan_out` ended.

    Attributes:
        key: the key of the target: the account's ID in the simple case.
        target: the target.
        result: the return value of the function; None after an error.
        error: the exception, of the function or of assuming the role; None if the function returned.
    """

    key: str
    target: Target
    result: T | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether there was no error."""
        return self.error is None


@frozen(repr=False)
class FanOut(Generic[T]):
    """The result or error of a function in each target, in the order of the targets. Prints as a table.

    All keys of a run have the same parts, separated by spaces. A key is the account's ID; the name of the role, if an
    account has several roles in the run; and the region, if ``regions`` was passed or a role has several.

    ``earlier | later`` has the targets of both, with the later results. It can be pickled and copied if the results
    can. An error that pickle cannot restore is pickled as an `XacctError` with its type and message.
    """

    _results: dict[str, T] = field(alias="results")
    _errors: dict[str, Exception] = field(alias="errors")
    _targets: dict[str, Target] = field(alias="targets")

    @classmethod
    def of(cls, outcomes: Iterable[TargetOutcome[T]]) -> FanOut[T]:
        """Return the result that consists of these outcomes, such as those of a stream.

        Args:
            outcomes: the outcomes.
        """
        outcomes = [*outcomes]
        return cls(
            {outcome.key: cast(T, outcome.result) for outcome in outcomes if outcome.error is None},
            {outcome.key: outcome.error for outcome in outcomes if outcome.error is not None},
            {outcome.key: outcome.target for outcome in outcomes},
        )

    @property
    def results(self) -> Mapping[str, T]:
        """The return values by key: by account ID in the simple case."""
        return MappingProxyType(self._results)

    @property
    def errors(self) -> Mapping[str, Exception]:
        """The exceptions by key: of the function, or of assuming the role."""
        return MappingProxyType(self._errors)

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets by key, with the names and email addresses that were passed."""
        return MappingProxyType(self._targets)

    @property
    def failed(self) -> Mapping[str, Target]:
        """The targets that failed, by key. Pass them to `fan_out` to run only these again, with the same keys."""
        return MappingProxyType({key: self._targets[key] for key in self._errors})

    @property
    def ok(self) -> bool:
        """Whether no target failed."""
        return not self._errors

    def to_dict(self, result: Callable[[T], object] | None = None) -> dict[str, object]:
        """Return the results and errors as data that ``json.dumps`` accepts.

        An error has its ``type``, its ``message`` and its ``fields``: those of an error of xacct, and the ``code`` and
        the ``operation`` of an error response of AWS.

        Args:
            result: returns a result as JSON data, such as ``Snapshot.to_dict``; None if the results are JSON data.

        Raises:
            InvalidValue: a result is not JSON data; the message has its key.

        >>> from xacct import fan_out
        >>> from xacct.testing import Sandbox
        >>> with Sandbox(["111111111111"]) as aws:
        ...     fan_out([aws.account("111111111111").session], lambda session: session.region_name).to_dict()
        {'results': {'111111111111': 'eu-central-1'}, 'errors': {},
         'targets': {'111111111111': {'account': '111111111111'}}}
        """
        results: dict[str, object] = {}
        for key, value in self._results.items():
            results[key] = value if result is None else result(value)
            _check_json(key, results[key])
        return {
            "results": results,
            "errors": {key: _error_data(error) for key, error in self._errors.items()},
            "targets": {key: target.to_dict() for key, target in self._targets.items()},
        }

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame with a row for each target, and the key as its index.

        The columns are ``account``, ``name``, ``email``, ``role``, ``region``, ``ok``, ``result`` and ``error``.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd  # pyright: ignore[reportMissingImports] # an optional library
        except ImportError as error:
            raise ImportError("FanOut.to_frame needs pandas: pip install pandas") from error
        columns = ("account", "name", "email", "role", "region", "ok", "result", "error")
        rows = [
            (
                target.account,
                target.name,
                target.email,
                None if target.role_arn is None else target.role_arn.name,
                target.region,
                key not in self._errors,
                self._results.get(key),
                _described(self._errors[key]) if key in self._errors else None,
            )
            for key, target in self._targets.items()
        ]
        return pd.DataFrame(rows, columns=list(columns), index=pd.Index(list(self._targets), name="key"))

    def __or__(self, later: FanOut[T]) -> FanOut[T]:
        if not isinstance(later, FanOut):
            return NotImplemented
        # If the regions of an account could not be listed, its error belongs to a target without a region.
        roles = {target.role_arn for target in later._targets.values() if target.region is not None}
        replaced = {*later._targets} | {
            key
            for key in self._errors
            if self._targets[key].region is None and self._targets[key].role_arn in roles - {None}
        }
        targets = {
            key: target
            for key, target in (self._targets | later._targets).items()
            if key in later._targets or key not in replaced
        }
        results = {key: value for key, value in self._results.items() if key not in replaced} | later._results
        errors = {key: error for key, error in self._errors.items() if key not in replaced} | later._errors
        return FanOut(
            {key: results[key] for key in targets if key in results},
            {key: errors[key] for key in targets if key in errors},
            targets,
        )

    def __getstate__(self) -> tuple[dict[str, T], dict[str, Exception], dict[str, Target]]:
        errors = {key: _with_pickle(error) for key, error in self._errors.items()}
        return self._results, errors, self._targets

    def __setstate__(self, state: tuple[dict[str, T], dict[str, Exception], dict[str, Target]]) -> None:
        for name, value in zip(("_results", "_errors", "_targets"), state):
            object.__setattr__(self, name, value)

    @property
    def _rows(self) -> list[list[str]]:
        rows = []
        for key, target in self._targets.items():
            failed = key in self._errors
            text = _described(self._errors[key]) if failed else str(self._results[key])
            rows.append(["FAIL" if failed else "ok", key, target.name, text])
        return rows if any(target.name for target in self._targets.values()) else [[a, b, d] for a, b, _, d in rows]

    def __str__(self) -> str:
        rows = self._rows
        widths = [max(map(len, column)) for column in zip(["FAIL", "", "", ""], *rows)][:-1]
        return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]) for row in rows)

    def __repr__(self) -> str:
        return f"<FanOut: {len(self._results)} {self._unit} succeeded, {len(self._errors)} failed>"

    @property
    def _unit(self) -> str:
        is_accounts = len({target.account for target in self._targets.values()}) == len(self._targets)
        return "accounts" if is_accounts else "targets"

    def _repr_html_(self) -> str:
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in self._rows)
        return f"<table><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


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
        return XacctError(_described(error))
    return error
