"""A sign-in through the gateway's page, for who has no token at hand: the prompt has a link, the page behind
it shows a code to who is signed in there, and the code is good for a token together with the secret that is
kept here (PKCE, RFC 7636; `api/terminal_codes.py` is the other end).
"""

import re
import secrets
import ssl
from dataclasses import dataclass

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from infra.certificates import ca_path
from infra.config import Config
from ingress.errors import LoginRefused

_CODE = re.compile(r"[A-Za-z0-9_-]{150,}={0,2}")  # a token of the gateway has dots, and others are shorter
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in. `link`: of the page, with the hash of the secret."""

    link: str
    verifier: str


class PageCodes:
    """Links to the gateway's page, and what its codes are good for. Where the gateway has no page, it has no
    links either."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def begin(self) -> Attempt | None:
        url = self._config.api_url
        if not url:
            return None
        verifier = secrets.token_urlsafe(48)
        challenge = create_s256_code_challenge(verifier)
        return Attempt(f"{url}/sign-in/terminal?challenge={challenge}", verifier)

    async def token_for(self, answer: str, attempt: Attempt) -> str:
        """The token that the answer to the prompt is, or is a code for. Raises LoginRefused."""
        code = "".join(answer.split())
        if _CODE.fullmatch(code) is None:
            return answer
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": attempt.verifier}
        try:
            async with httpx.AsyncClient(verify=self._trusted(), timeout=_SECONDS) as client:
                answered = await client.post(f"{self._config.api_url}/api/token", data=form)
                token = answered.json()["access_token"] if answered.is_success else ""
        except (httpx.HTTPError, ValueError, KeyError) as error:
            said = "the gateway's API, which knows what the code is good for, does not answer"
            raise LoginRefused(said, "", "Try again, or show a token.") from error
        if not isinstance(token, str) or not token:
            hint = "Open the link that the prompt shows now: each has a code of its own, for two minutes."
            raise LoginRefused("the code is not right, or has expired", "", hint)
        return token

    def _trusted(self) -> ssl.SSLContext:
        """The system's authorities, and the gateway's own."""
        tls = ssl.create_default_context()
        authority = ca_path(self._config)
        if authority is not None and authority.is_file():
            tls.load_verify_locations(authority)
        return tls
