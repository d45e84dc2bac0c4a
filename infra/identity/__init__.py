"""Who asks: what somebody shows -> a principal, how they showed it, and until when that counts.

    name, token ─▶ identities.py ─┬─ a hash in the configuration ─▶ users.py (throttle.py holds guessers back)
                                  ├─ a token of the gateway ──────▶ tokens.py
                                  └─ another issuer's JWT ────────▶ federation.py ─▶ provider.py ─▶ claims.py
                     ─▶ SignedIn ─▶ revocations.py: what ends before its time

- `signed_in.py`: SignedIn, and why somebody is refused.
- `identities.py`: every way in of one configuration.
- `users.py`: users of the configuration and their hashed tokens. `throttle.py`: slows guessing.
- `tokens.py`: the gateway's own tokens, made by the api and believed by every role.
- `ssh_certificates.py`: the same as SSH certificates, for one key of the user's; pure.
- `jwt.py`: what it takes to believe a JWT; pure. `claims.py`: its claims -> a principal; pure.
- `federation.py`: the JWTs of other issuers. `provider.py`: an issuer's metadata and keys, over the network.
- `provisioning.py`: whom the identity provider provisions (SCIM); `directory.py`: its directory; pure.
- `saml.py`: a SAML provider's answers, of which only what cannot be mistaken is believed; `saml_xml.py`.
- `saml_logout.py`, `oidc_logout.py`: a provider's word that somebody has signed out there; pure.
- `revocations.py`: what Kafka tells of revoked tokens, and the sessions that end with them.
"""

from infra.identity.identities import Identities, identities_of, provisioning_of, revocations_of
from infra.identity.provisioning import Provisioning, everybody
from infra.identity.revocations import Revocations
from infra.identity.signed_in import (
    IdentityUnavailable,
    Method,
    SignedIn,
    TokenRefused,
    TooManyGuesses,
    WrongToken,
)
from infra.identity.users import hash_token, new_token, token_matches

__all__ = [
    "Identities",
    "IdentityUnavailable",
    "Method",
    "Provisioning",
    "Revocations",
    "SignedIn",
    "TokenRefused",
    "TooManyGuesses",
    "WrongToken",
    "everybody",
    "hash_token",
    "identities_of",
    "new_token",
    "provisioning_of",
    "revocations_of",
    "token_matches",
]
