"""The federation endpoint of the console: sign-in tokens for sessions of roles and federated users, and the console.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from xacct.arn import Partition
from xacct.errors import InvalidValue
from xacct.limits import ASSUME_ROLE_SECONDS
from xacct.testing.credential_store import CredentialStore, Session
from xacct.testing.http_messages import Answer

if TYPE_CHECKING:
    from xacct.testing.clock import Clock

__all__ = ["FederationEndpoint"]

_TOKEN_LIFETIME = timedelta(minutes=15)
_BAD_REQUEST = Answer(400, {"content-type": "text/html"}, "<h1>HTTP Status 400 - Invalid credentials parameter</h1>")


@frozen(kw_only=True)
class _SignIn:
    session: Session
    seconds: int
    valid_until: datetime


class FederationEndpoint:
    """Issues sign-in tokens, and opens the links that contain them.

    Args:
        partition: the partition whose console it belongs to.
        credentials: the temporary credentials.
        clock: the sandbox's clock.
    """

    def __init__(self, partition: Partition, credentials: CredentialStore, clock: Clock) -> None:
        self._partition, self._credentials, self._clock = partition, credentials, clock
        self._tokens: dict[str, _SignIn] = {}

    def answers(self, url: str) -> bool:
        """Return whether a URL is that of the endpoint."""
        parts = urlsplit(url)
        return (parts.scheme, parts.netloc, parts.path) == ("https", self._partition.signin_host, "/federation")

    def answer(self, url: str) -> Answer:
        """Answer a request for a sign-in token.

        AWS answers with status 400 if the credentials are not valid or not temporary, if the duration is not 900 to
        43200 seconds, and if a session of role chaining has one.
        """
        query = _query(url)
        session = self._session(query.get("Session", ""))
        if query.get("Action") != "getSigninToken" or session is None:
            return _BAD_REQUEST
        seconds = int((session.expires - self._clock.now()).total_seconds())
        if "SessionDuration" in query:
            text = query["SessionDuration"]
            if not text.isdecimal() or int(text) not in ASSUME_ROLE_SECONDS or session.chained or not session.assumed:
                return _BAD_REQUEST
            seconds = int(text)
        token = secrets.token_urlsafe(120)
        until = self._clock.now() + _TOKEN_LIFETIME
        self._tokens[token] = _SignIn(session=session, seconds=seconds, valid_until=until)
        return Answer(200, {"content-type": "application/json"}, json.dumps({"SigninToken": token}))

    def open(self, url: str) -> Session:
        """Return the console session that a link opens.

        Raises:
            InvalidValue: it is no link of this endpoint, its token is unknown or has expired, or its token does not
                belong to a role session or a federated user.
        """
        query = _query(url)
        if not self.answers(url) or query.get("Action") != "login":
            raise InvalidValue("url", "...", "a link that console_url returned")
        found = self._tokens.get(query.get("SigninToken", ""))
        if found is None or self._clock.now() >= found.valid_until:
            raise InvalidValue("url", "...", "its token is valid for 15 minutes, in one sandbox")
        host = urlsplit(query.get("Destination", "")).netloc
        if host != self._partition.console_host and not host.endswith(f".{self._partition.console_host}"):
            raise InvalidValue("url", "...", "its Destination must be a page of the console")
        if not (found.session.assumed or found.session.is_federated_user):
            rule = "AWS says: Only federation tokens or assume role tokens may be used for federated login"
            raise InvalidValue("url", "...", rule)
        return self._credentials.reopen_session(found.session, seconds=found.seconds)

    def _session(self, text: str) -> Session | None:
        try:
            given = json.loads(text)
            keys = given["sessionId"], given["sessionKey"], given["sessionToken"]
        except (ValueError, KeyError, TypeError):
            return None
        return self._credentials.valid_session(*keys)


def _query(url: str) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
