"""A user or a workload that an identity provider signed in, and what its role sessions get from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

__all__ = ["FederatedIdentity"]

_REQUEST_TAG = "aws:RequestTag/"


@frozen(kw_only=True)
class FederatedIdentity:
    """A user or a workload that an identity provider signed in.

    Attributes:
        provider: the provider's ARN, or the name of one that AWS knows.
        context: the condition context keys of the call to STS that follow from the token or the assertion, with their
            values.
        answer: the members of STS's answer that describe the user.
        session_name: the name of the role session; None if the call has it.
        seconds: the longest duration of the role session in seconds; None if the provider does not limit it.
    """

    provider: str
    context: Mapping[str, object] = field(repr=False)
    answer: Mapping[str, str] = field(repr=False)
    session_name: str | None = None
    seconds: int | None = None

    @property
    def condition_keys(self) -> dict[str, str | tuple[str, ...]]:
        """The condition context keys as text. A key with several values has a tuple."""
        values = {key: _texts(value) for key, value in self.context.items()}
        return {key: texts[0] if len(texts) == 1 else texts for key, texts in values.items() if texts}

    @property
    def session_keys(self) -> dict[str, str]:
        """The condition context keys of all requests of the role session.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml
        """
        lasting = {name: _first(self.context[name]) for name in _SESSION_KEYS if name in self.context}
        return {"aws:FederatedProvider": self.provider, **lasting}

    @property
    def tags(self) -> dict[str, str]:
        """The session tags."""
        tags = {key.removeprefix(_REQUEST_TAG): value for key, value in self.context.items() if _is_tag(key)}
        return {key: _first(value) for key, value in tags.items()}

    @property
    def transitive_tag_keys(self) -> frozenset[str]:
        """The keys of the session tags that are passed on in a chain of roles."""
        return frozenset(_texts(self.context.get("sts:TransitiveTagKeys")))

    @property
    def source_identity(self) -> str | None:
        """The source identity; None if there is none."""
        return next(iter(_texts(self.context.get("sts:SourceIdentity"))), None)


_SESSION_KEYS = ("SAML:namequalifier", "SAML:sub", "SAML:sub_type")


def _is_tag(key: str) -> bool:
    return key.startswith(_REQUEST_TAG)


def _texts(value: object) -> tuple[str, ...]:
    several: Iterable[object] = value if isinstance(value, (list, tuple)) else (value,)
    texts = (str(one).lower() if isinstance(one, bool) else one for one in several if one is not None)
    return tuple(str(text) for text in texts)


def _first(value: object) -> str:
    return next(iter(_texts(value)), "")
