"""SSH certificates for who is signed in: a token in the form that SSH clients show by themselves."""

from datetime import datetime
from http import HTTPStatus

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import SignIn, address_of
from api.issuing import Issuing
from api.problems import Problem, documented
from infra.clock import Clock
from infra.identity.ssh_certificates import NoUsableKey, make_certificate, read_public_key

_LONGEST = 4096  # characters of a public key


class Certify(BaseModel):
    """Of which key a certificate is wanted; the private half stays where it is."""

    model_config = ConfigDict(extra="forbid")

    public_key: str = Field(max_length=_LONGEST, description="a line, as in id_ed25519.pub")


class CertificateView(BaseModel):
    """A certificate."""

    certificate: str = Field(description="a line, as in id_ed25519-cert.pub")
    principal: str
    token_id: str = Field(description="what the audit log knows it by, and what revokes it")
    expires_at: datetime


class SshCertificates:
    """The route, over who signs in and what gives tokens out."""

    def __init__(self, sign_in: SignIn, issuing: Issuing, authority: Ed25519PrivateKey, clock: Clock) -> None:
        self._sign_in = sign_in
        self._issuing = issuing
        self._authority = authority
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(tags=["tokens"])
        statuses = documented(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
        router.post("/ssh-certificate", responses=statuses)(self.certify)
        return router

    async def certify(self, request: Request, wanted: Certify) -> CertificateView:
        """A certificate for the key that is sent. It ends with what you have shown, after an hour at most."""
        proof = await self._sign_in.signed_in(request)
        try:
            key = read_public_key(wanted.public_key)
        except NoUsableKey as error:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "no-public-key", f"public_key: {error}.", "Make one by ssh-keygen."
            ) from error
        token = (await self._issuing.issue(proof, address_of(request))).signed_in
        assert token.until is not None
        return CertificateView(
            certificate=make_certificate(self._authority, key, token, self._clock()),
            principal=token.principal.name,
            token_id=token.token,
            expires_at=token.until,
        )
