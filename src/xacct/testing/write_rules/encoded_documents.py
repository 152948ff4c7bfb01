"""The policy documents in IAM's responses, which are percent-encoded. Moto encodes only some of them.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import unescape

from attrs import evolve

from xacct.testing.http_messages import Answer
from xacct.testing.write_rules.write import Postprocess

__all__ = ["with_encoded_documents"]

# An encoded document has no braces.
_NOT_ENCODED = re.compile(r"(<(?:AssumeRolePolicyDocument|PolicyDocument|Document)>)([^<]*\{[^<]*)")


def with_encoded_documents(result: Postprocess | Answer | None) -> Postprocess | Answer:
    """Return what a rule returned, with encoded policy documents in the response.

    Args:
        result: a function that changes moto's answer; the answer itself; or None, if moto's answer is right.
    """
    if isinstance(result, Answer):
        return _encoded(result)
    return lambda answer: _encoded(answer if result is None else result(answer))


def _encoded(answer: Answer) -> Answer:
    text = answer.text
    return evolve(answer, body=_NOT_ENCODED.sub(_encode, text)) if "Document>" in text else answer


def _encode(match: re.Match[str]) -> str:
    return match[1] + _quoted(match[2])


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    return quote(unescape(text, {"&quot;": '"', "&apos;": "'"}))
