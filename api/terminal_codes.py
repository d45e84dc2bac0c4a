"""A terminal's sign-in through the web page, where the identity provider has no device flow.

The terminal makes a secret and shows a link with its hash; who is signed in on the page gets a code there and
types it in; the code is good for a token together with the secret alone (PKCE, RFC 7636).
"""

import hmac
from dataclasses import replace
from datetime import timedelta

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from api.sealed import NotSealed, Seal
from infra.clock import Clock
from infra.identity import SignedIn, TokenRefused

_PURPOSE = "sign-in code"  # what is sealed for whom
_LASTS = timedelta(minutes=2)


class TerminalCodes:
    """Codes of one gateway; nothing of them is kept."""

    def __init__(self, seal: Seal, clock: Clock) -> None:
        self._seal = seal
        self._clock = clock

    def give(self, session: SignedIn, challenge: str) -> str:
        """A code for the terminal that made this challenge. `session`: the browser's, whose end is not the
        terminal's; that of the sign-in it goes back to is."""
        signed_in = replace(session, token="", sign_ins=session.sign_ins[1:])
        content = {"challenge": challenge, "signed_in": msgspec.to_builtins(signed_in)}
        return self._seal.seal(_PURPOSE, content, self._clock() + _LASTS)

    def redeem(self, code: str, verifier: str) -> SignedIn:
        """Who got the code, for the terminal that made the challenge. Raises TokenRefused."""
        try:
            kept = self._seal.open(_PURPOSE, "".join(code.split()), self._clock())
        except NotSealed as error:
            raise TokenRefused(str(error)) from error
        if not verifier or not hmac.compare_digest(create_s256_code_challenge(verifier), kept["challenge"]):
            raise TokenRefused("the code was made for another terminal")
        return msgspec.convert(kept["signed_in"], SignedIn)
