"""An OpenID provider's word that somebody has signed out there. Pure.

OpenID Connect Back-Channel Logout 1.0.
"""

from datetime import datetime, timedelta

from infra.identity.jwt import Claims, moment
from infra.identity.signed_in import TokenRefused, of_provider

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LASTS = timedelta(minutes=5)  # section 2.4 recommends two at most; and clocks differ


def ends_of(issuer: str, claims: Claims) -> tuple[str, ...]:
    """The ids by which the provider can end the sign-in that an ID token is of."""
    session, subject = claims.get("sid"), claims.get("sub")
    ends = [of_provider(issuer, "session", session)] if isinstance(session, str) else []
    if isinstance(subject, str):
        ends.append(of_provider(issuer, "subject", subject))
    return tuple(ends)


def ended_by(issuer: str, claims: Claims, now: datetime) -> str:
    """What a logout token ends, of which signature, issuer, audience and times are verified: a session, or
    all of somebody's. Raises TokenRefused."""
    # Section 2.6, steps 4 to 6: what tells it from an ID token.
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict) or "nonce" in claims:
        raise TokenRefused("the token is no logout token")
    if now - moment(claims, "iat") > _LASTS:
        raise TokenRefused("the logout token is too old")
    ends = ends_of(issuer, claims)
    if not ends:
        raise TokenRefused("the logout token does not say whom")
    return ends[0]
