"""One issuer of tokens over the network: its metadata and its keys, kept for a while.

OpenID Connect Discovery 1.0, section 4; RFC 8414 for issuers that are no OpenID providers.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc.jwk import Key

from infra.clock import Clock, now
from infra.config.values import is_loopback
from infra.identity.jwt import Claims, Expected, UnknownKey, import_keys, verify
from infra.identity.signed_in import IdentityUnavailable

_TIMEOUT = httpx.Timeout(5)
_LARGEST = 1024 * 1024  # bytes of a document
_KEPT = timedelta(minutes=10)  # a key that the issuer withdrew is believed no longer than this
_ASK_AGAIN_AFTER = timedelta(seconds=5)  # for a key that is not known; anybody can invent such keys

Fetch = Callable[[str], Any]
"""The JSON document at a URL, awaited. Raises IdentityUnavailable."""


async def fetch(url: str) -> Any:
    """The JSON document at this URL; redirects are not followed. Raises IdentityUnavailable."""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > _LARGEST:
                    raise IdentityUnavailable(f"{url} answers with more than {_LARGEST} bytes")
        return json.loads(content)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise IdentityUnavailable(f"the identity provider does not answer at {url}") from error


class Provider:
    """The metadata and keys of one issuer, asked for when they are needed. `keys`: a file instead."""

    def __init__(
        self, issuer: str, keys: Path | None = None, clock: Clock = now, fetch: Fetch = fetch
    ) -> None:
        self.issuer = issuer
        self._file = keys
        self._clock = clock
        self._fetch = fetch
        self._metadata: Mapping[str, Any] = {}
        self._metadata_at: datetime | None = None
        self._keys: tuple[Key, ...] = ()
        self._keys_at: datetime | None = None
        self._one_asks = asyncio.Lock()

    async def metadata(self) -> Mapping[str, Any]:
        """What the issuer says about itself. Raises IdentityUnavailable."""
        if self._metadata_at is None or self._clock() >= self._metadata_at + _KEPT:
            url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = await self._fetch(url)
            # Section 4.3: "The issuer value returned MUST be identical to the Issuer URL" that was asked.
            if not isinstance(document, dict) or document.get("issuer") != self.issuer:
                raise IdentityUnavailable(f"{url} is not the metadata of {self.issuer}")
            self._metadata, self._metadata_at = document, self._clock()
        return self._metadata

    async def endpoint(self, name: str) -> str:
        """A URL of the metadata, such as "token_endpoint". Raises IdentityUnavailable when there is none."""
        url = (await self.metadata()).get(name)
        if not isinstance(url, str) or not _is_safe(url):
            raise IdentityUnavailable(f"the identity provider has no {name}")
        return url

    async def verify(self, text: str, expected: Expected) -> Claims:
        """The claims of a token of this issuer. Raises TokenRefused, IdentityUnavailable."""
        keys = await self._known_keys()
        try:
            return verify(text, keys, expected, self._clock())
        except UnknownKey:
            # The issuer may have a new key since; whoever invents keys makes us ask now and then only.
            return verify(text, await self._known_keys(_ASK_AGAIN_AFTER), expected, self._clock())

    async def _known_keys(self, kept: timedelta = _KEPT) -> tuple[Key, ...]:
        async with self._one_asks:
            if self._keys_at is None or self._clock() >= self._keys_at + kept:
                try:
                    self._keys = import_keys(await self._key_document())
                except ValueError as error:
                    raise IdentityUnavailable(f"the keys of {self.issuer} are no JWK set") from error
                self._keys_at = self._clock()
        return self._keys

    async def _key_document(self) -> Any:
        if self._file is None:
            return await self._fetch(await self.endpoint("jwks_uri"))
        try:
            return json.loads(await asyncio.to_thread(self._file.read_bytes))
        except OSError as error:
            raise IdentityUnavailable(f"the keys of {self.issuer} cannot be read") from error


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
