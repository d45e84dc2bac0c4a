"""Single sign-on with a SAML 2.0 provider: a browser goes there and brings an answer back.

The provider has the browser post its answer from another site, where the cookie of the attempt does not come
along. So it is read first, sealed, and counts when the same browser brings it on with that cookie. Nothing is
kept here; that an assertion counts once, for every api, is remembered as its revocation.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from api.issuing import Issuing
from api.sealed import NotSealed, Seal
from api.single_sign_on import ATTEMPT_LASTS
from infra.clock import Clock
from infra.config import Config, Saml
from infra.identity import Method, Revocations, SignedIn, TokenRefused
from infra.identity.claims import principal
from infra.identity.federation import taken_names
from infra.identity.provisioning import Admit
from infra.identity.saml import SamlProvider
from schemas.ids import uuid7
from schemas.vocabulary import Principal, PrincipalKind

ENTITY = "/sign-in/saml/metadata"  # the gateway's name at the provider is the URL of its metadata
CONSUMER = "/sign-in/saml"
LOGOUT = "/sign-in/saml/logout"
_ATTEMPT = "SAML sign-in"  # what is sealed for whom
_ANSWER = "SAML answer"
_BRINGS_ON = timedelta(minutes=1)  # a redirect of the browser's


class SamlSignOn:
    """One provider, as its service provider."""

    def __init__(
        self,
        config: Config,
        saml: Saml,
        provider: SamlProvider,
        admit: Admit,
        seal: Seal,
        revocations: Revocations,
        issuing: Issuing,
        clock: Clock,
    ) -> None:
        self._saml = saml
        self._provider = provider
        self._admit = admit
        self._seal = seal
        self._revocations = revocations
        self._issuing = issuing
        self._clock = clock
        self._taken = taken_names(config)
        self._lifetime = config.identity.tokens.lifetime
        self._used: dict[str, datetime] = {}  # assertion -> when; no attempt that it answers lasts longer

    @property
    def metadata(self) -> str:
        """What the provider must know about the gateway."""
        return self._provider.metadata

    async def begin(self, next: str) -> tuple[str, str]:
        """Where to send a browser, and what it must bring back."""
        url, request = self._provider.request()
        sealed = self._seal.seal(_ATTEMPT, {"request": request, "next": next}, self._clock() + ATTEMPT_LASTS)
        return url, sealed

    async def take(self, answer: str) -> str:
        """The provider's answer, sealed for the browser to bring on. Raises TokenRefused."""
        said = await asyncio.to_thread(self._provider.read, answer)  # XML takes its time
        who = principal(said.name, said.groups, self._saml, self._taken)
        content = {
            "request": said.in_response_to,
            "assertion": said.assertion,
            "name": who.name,
            "kind": who.kind.value,
            "groups": list(who.groups),
            "until": said.until.isoformat() if said.until is not None else "",
            "ends": list(said.ends),
        }
        return self._seal.seal(_ANSWER, content, self._clock() + _BRINGS_ON)

    async def finish(self, attempt: str, answer: Mapping[str, str]) -> tuple[SignedIn, str]:
        """Who came back, and where they wanted to go. Raises TokenRefused, Problem when Kafka is away."""
        try:
            kept = self._seal.open(_ATTEMPT, attempt, self._clock())
            said = self._seal.open(_ANSWER, answer.get("answer", ""), self._clock())
        except NotSealed as error:
            raise TokenRefused(str(error)) from error
        # Profiles, section 4.1.4.3: the answer must be to what this very browser was sent for.
        if said["request"] != kept["request"]:
            raise TokenRefused("this browser did not ask to sign in, or asked again since")
        who = self._admit(Principal(said["name"], PrincipalKind(said["kind"]), tuple(said["groups"])))
        since = self._clock()
        until = since + self._lifetime
        if said["until"]:
            until = min(until, datetime.fromisoformat(said["until"]))
        if until <= since:
            raise TokenRefused("the session at the identity provider is over")
        sign_in = uuid7(since)
        signed_in = SignedIn(who, Method.SAML, since, until, sign_in, (*said["ends"], sign_in))
        await self._use(str(said["assertion"]), signed_in)
        return signed_in, str(kept["next"])

    async def end(self, query: str) -> str | None:
        """Ends what the provider says is over, in a request that a browser brought; where that goes on to, or
        None. Raises TokenRefused, Problem when Kafka is away."""
        request = await asyncio.to_thread(self._provider.read_logout, query)
        await self._issuing.end_by_provider(self._provider.issuer, request.ends)
        return self._provider.logout_response(request)

    async def _use(self, assertion: str, signed_in: SignedIn) -> None:
        """Profiles, section 4.1.4.5: an assertion is not used twice, here or at another api. Raises
        TokenRefused."""
        now = signed_in.since
        self._used = {id: at for id, at in self._used.items() if now - at < ATTEMPT_LASTS}
        if assertion in self._used:
            raise TokenRefused("the identity provider's answer was used already")
        self._used[assertion] = now
        name, id = signed_in.principal.name, f"saml {assertion}"
        self._revocations.check(replace(signed_in, sign_ins=(id,)))
        await self._issuing.revoke(name, name, "a SAML assertion counts once", token=id)
