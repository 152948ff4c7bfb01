"""S3's DeleteObjects: it deletes the objects that the caller may delete and reports an error for each of the others.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from xml.sax.saxutils import escape

from attrs import evolve

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, Call, with_body

__all__ = ["NOTHING_DELETED", "delete_result", "without_denied_objects"]

NOTHING_DELETED = Answer(
    200,
    {"content-type": "application/xml"},
    '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult></DeleteResult>',
)
_DELETED = re.compile(r"<Deleted>.*?</Deleted>|<Deleted ?/>", re.DOTALL)


def without_denied_objects(call: Call, denied: Collection[int]) -> Call | None:
    """Return the call without the entries that the caller may not delete.

    Args:
        call: the call of DeleteObjects.
        denied: the indexes of the denied entries.

    Returns:
        None if every entry is denied.
    """
    delete = call.params["Delete"]
    permitted = [entry for index, entry in enumerate(delete["Objects"]) if index not in denied]
    if not permitted:
        return None
    objects = "".join(f"<Object>{_element(entry, 'Key')}{_element(entry, 'VersionId')}</Object>" for entry in permitted)
    return evolve(call, request=with_body(call.request, f"<Delete>{objects}</Delete>".encode()))


def delete_result(answer: Answer, call: Call, denied: Mapping[int, Refused]) -> Answer:
    """Return the answer with an error for each denied entry, and in quiet mode without the deleted entries.

    Args:
        answer: the answer for the permitted entries.
        call: the call of DeleteObjects, with all entries.
        denied: the errors by the index of their entry.
    """
    body = answer.text
    # Moto ignores Quiet.
    if call.params["Delete"].get("Quiet"):
        body = _DELETED.sub("", body)
    objects = call.params["Delete"]["Objects"]
    errors = "".join(
        f"<Error>{_element(objects[index], 'Key')}{_element(objects[index], 'VersionId')}"
        f"<Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        for index, error in denied.items()
    )
    return Answer(answer.status, answer.headers, body.replace("</DeleteResult>", f"{errors}</DeleteResult>"))


def _element(entry: Mapping[str, str], name: str) -> str:
    return f"<{name}>{escape(entry[name])}</{name}>" if name in entry else ""
