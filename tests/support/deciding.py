"""A reviewer at work, through the decision API of a running gateway."""

from support.builders import Document, Someone
from support.gateway import Gateway
from support.wait import eventually


async def decide(
    gateway: Gateway,
    someone: Someone,
    approval: str,
    answer: str,
    comment: str,
    grant: Document | None = None,
) -> None:
    """`someone` approves or rejects (`answer`) this approval, once the API knows of it.

    `grant`: what they grant along with it.
    """
    async with gateway.api(someone) as api:

        async def is_pending() -> bool:
            found = await api.get(f"/api/approvals/{approval}")
            return found.status_code == 200 and found.json()["state"] == "pending"

        await eventually(is_pending, what=f"approval {approval} pending")
        body = {"comment": comment} | ({"grant": grant} if grant is not None else {})
        done = await api.post(f"/api/approvals/{approval}/{answer}", json=body)
        assert done.status_code == 200, done.text
