"""S3's DeleteObjects, which deletes what may be deleted and lists what may not.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from attrs import evolve

from xacct.testing.error_responses import Refused
from xacct.testing.http_messages import Answer, Call, with_body

if TYPE_CHECKING:
    from moto.core.request import Request

__all__ = ["delete_permitted_objects"]

_NOTHING = '<?xml version="1.0" encoding="UTF-8"?>\n<DeleteResult></DeleteResult>'


def delete_permitted_objects(call: Call, refused: Mapping[int, Refused], carry_out: Callable[[Call], Answer]) -> Answer:
    """Delete what may be deleted.

    Args:
        call: the call.
        refused: the entries that may not be deleted, by their place in the request.
        carry_out: does a call that is allowed.
    """
    answer = Answer(200, {"content-type": "application/xml"}, _NOTHING)
    if len(refused) < len(call.params["Delete"]["Objects"]):
        answer = carry_out(evolve(call, request=_without(call, refused)))
    return _with_refused(answer, call, refused)


def _without(call: Call, entries: Collection[int]) -> Request:
    kept = [entry for number, entry in enumerate(call.params["Delete"]["Objects"]) if number not in entries]
    body = "".join(f"<Object>{_element(entry, 'Key')}{_element(entry, 'VersionId')}</Object>" for entry in kept)
    quiet = str(bool(call.params["Delete"].get("Quiet"))).lower()
    return with_body(call.request, f"<Delete>{body}<Quiet>{quiet}</Quiet></Delete>".encode())


def _with_refused(answer: Answer, call: Call, refused: Mapping[int, Refused]) -> Answer:
    objects = call.params["Delete"]["Objects"]
    errors = "".join(
        f"<Error>{_element(objects[number], 'Key')}{_element(objects[number], 'VersionId')}"
        f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
        for number, refusal in refused.items()
    )
    body = answer.body.decode() if isinstance(answer.body, bytes) else answer.body
    return Answer(answer.status, answer.headers, body.replace("</DeleteResult>", f"{errors}</DeleteResult>"))


def _element(entry: Mapping[str, str], name: str) -> str:
    return f"<{name}>{escape(entry[name])}</{name}>" if name in entry else ""
