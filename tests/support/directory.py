"""An identity provider's SCIM client: what Okta, Entra ID and their like do at a gateway's endpoint."""

from types import TracebackType
from typing import Any, Self

import httpx

from infra.identity import hash_token

TOKEN = "token-of-the-provider"
TOKEN_HASH = hash_token(TOKEN, salt=TOKEN.encode()[:16])
GROUPS = {"Night shift": "oncall", "Operators": "operators"}
"""`identity.scim.groups`."""

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Directory:
    """The endpoint of the gateway at `url`."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/scim/v2",
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"},
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def provision(self, name: str) -> str:
        """A new user's id."""
        return self._created("/Users", {"schemas": [_USER], "userName": name, "active": True})

    def group(self, name: str, *members: str) -> str:
        """A new group's id."""
        values = [{"value": member} for member in members]
        return self._created("/Groups", {"schemas": [_GROUP], "displayName": name, "members": values})

    def id_of(self, name: str) -> str:
        answer = self.http.get("/Users", params={"filter": f'userName eq "{name}"'})
        (found,) = answer.json()["Resources"]
        return str(found["id"])

    def patch(self, path: str, *operations: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.patch(path, json={"schemas": [_PATCH], "Operations": operations})
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def remove(self, path: str) -> None:
        answer = self.http.delete(path)
        assert answer.status_code == 204, answer.text

    def _created(self, path: str, document: dict[str, Any]) -> str:
        answer = self.http.post(path, json=document)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])
