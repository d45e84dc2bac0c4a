"""Somebody whose tokens are revoked while they are at work."""

from support.builders import Someone
from support.gateway import Gateway


async def revoke_own(gateway: Gateway, someone: Someone) -> None:
    """All that they have shown until now ends, for them to sign in again."""
    async with gateway.api(someone) as api:
        answer = await api.post("/api/revocations", json={"principal": someone.name, "reason": "it was lost"})
        assert answer.is_success, answer.text
