"""Client: the gateway's API as methods. All raise Unreachable and Refused."""

import ssl
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from api.client.errors import Refused, Unreachable
from api.client.models import (
    Answered,
    Approval,
    Command,
    FoundCommand,
    Grant,
    GrantOffer,
    Proposal,
    Rules,
    Session,
    Simulation,
    Transfer,
)

_TIMEOUT = 30.0  # seconds; a decision is answered within 10
_ATTEMPTS = 3  # of what can be sent again without harm
_PAGE = 200

A = TypeVar("A", bound=Answered)


class Client:
    """One gateway, as the user whose token this is. Close it, or use it with `with`.

    `tls`: what verifies its certificate; `True`: the system's authorities. Reads and decisions are sent again
    when no answer arrives: a decision carries a key by which the gateway knows the repeat.
    """

    def __init__(
        self, url: str, token: str, *, tls: ssl.SSLContext | bool = True, timeout: float = _TIMEOUT
    ) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api", headers=headers, timeout=timeout, verify=tls
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- Approvals ---

    def approvals(self, state: str = "pending") -> Iterator[Approval]:
        """What you may see: pending, longest waiting first, then settled, newest first. `state`: or `all`."""
        return self._pages(Approval, "/approvals", {"state": state, "limit": str(_PAGE)})

    def approval(self, id: str) -> Approval:
        """One approval, however long ago it was; the first 6 characters of its id suffice."""
        return self._one(Approval, "GET", f"/approvals/{_part(id)}")

    def approve(
        self,
        approval: Approval,
        comment: str = "",
        grant: GrantOffer | None = None,
        *,
        identical: Sequence[str] = (),
    ) -> Approval:
        """Lets exactly this command run, once enough reviewers say so; `grant`: and what is like it;
        `identical`: those of the approval's own that run once each, too."""
        more = {} if grant is None else {"grant": grant.model_dump()}
        return self._decide(approval, "approve", comment, more | {"identical": list(identical)})

    def reject(self, approval: Approval, comment: str, *, identical: Sequence[str] = ()) -> Approval:
        """Refuses the command; the comment tells the requester why; `identical`: those are refused, too."""
        return self._decide(approval, "reject", comment, {"identical": list(identical)})

    def revoke(self, approval: Approval, comment: str) -> Approval:
        """Takes back an approval: what runs is cancelled."""
        return self._decide(approval, "revoke", comment, {})

    def resume(self, agent: str, comment: str) -> None:
        """Lifts the pause that rejections led to: what this agent asks for is heard again."""
        self._call("POST", f"/agents/{_part(agent)}/resume", body={"comment": comment})

    # --- Grants ---

    def grants(self, state: str = "open") -> list[Grant]:
        """Those that are not over or, with `all`, of eight days; the newest first."""
        return self._list(Grant, "/grants", {"state": state})

    def grant(self, id: str) -> Grant:
        return self._one(Grant, "GET", f"/grants/{_part(id)}")

    def revoke_grant(self, grant: Grant, reason: str) -> Grant:
        """Ends a grant now; what runs by it is cancelled."""
        return self._one(Grant, "DELETE", f"/grants/{_part(grant.id)}", query={"reason": reason})

    def request_access(
        self,
        resource: str,
        intents: list[str],
        seconds: float,
        *,
        starts_at: datetime | None = None,
        reason: str = "",
        ticket: str = "",
    ) -> Approval:
        """Asks reviewers for a window of time; the approval that waits for them."""
        wanted: dict[str, Any] = {
            "resource": resource,
            "intents": intents,
            "seconds": seconds,
            "starts_at": None if starts_at is None else starts_at.isoformat(),
            "reason": reason,
            "ticket": ticket,
        }
        return self._one(Approval, "POST", "/access", body=wanted, is_repeatable=True)

    # --- Sessions and the audit log ---

    def sessions(self) -> Iterator[Session]:
        """Those that you may see, the newest first."""
        return self._pages(Session, "/sessions", {"limit": str(_PAGE)})

    def session(self, id: str) -> Session:
        return self._one(Session, "GET", f"/sessions/{_part(id)}")

    def commands(self, session: str) -> Iterator[Command]:
        """A session's commands in the order they came."""
        last = ""
        while found := self._list(Command, f"/sessions/{_part(session)}/commands", {"after": last}):
            yield from found
            last = found[-1].id

    def files(self, session: str) -> list[Transfer]:
        """What was read and written by SFTP and SCP, in the order in which the files were closed."""
        return self._list(Transfer, f"/sessions/{_part(session)}/files", {})

    def file(self, session: str, transfer: Transfer) -> bytes:
        """What is recorded of a file, masked."""
        path = f"/sessions/{_part(session)}/files/{_part(transfer.command)}/{_part(transfer.direction)}"
        return self._call("GET", path).content

    def end_session(self, session: str, reason: str) -> None:
        """Ends a session; its client is told the reason."""
        self._call("POST", f"/sessions/{_part(session)}/end", body={"reason": reason})

    def find_commands(
        self,
        *,
        principal: str = "",
        resource: str = "",
        verdict: str = "",
        outcome: str = "",
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[FoundCommand]:
        """All commands that fit, the newest first, of the last 7 days where `since` is None. For auditors."""
        query = {"principal": principal, "resource": resource, "verdict": verdict, "outcome": outcome}
        query |= {"text": text, "limit": str(_PAGE)}
        for name, moment in (("since", since), ("until", until)):
            if moment is not None:
                query[name] = moment.isoformat()
        return self._pages(FoundCommand, "/commands", query)

    # --- Rules ---

    def rules(self) -> Rules:
        """The rules in force. For persons."""
        return self._one(Rules, "GET", "/policies")

    def check_rules(self, text: str) -> list[str]:
        """What keeps these rules from being decided by, a line each."""
        found: list[str] = self._call("POST", "/policies/check", body={"text": text}).json()["problems"]
        return found

    def simulate_rules(self, text: str, commands: int = 1000) -> Simulation:
        """What these rules would change for the newest commands."""
        query = {"commands": str(commands)}
        return self._one(Simulation, "POST", "/policies/simulate", query=query, body={"text": text})

    def proposals(self) -> Iterator[Proposal]:
        """The newest first."""
        return self._pages(Proposal, "/policies/proposals", {"limit": str(_PAGE)})

    def proposal(self, id: str) -> Proposal:
        return self._one(Proposal, "GET", f"/policies/proposals/{_part(id)}")

    def propose_rules(self, text: str, comment: str = "") -> Proposal:
        """Proposes rules in the place of all those in force."""
        body = {"text": text, "comment": comment}
        return self._one(Proposal, "POST", "/policies/proposals", body=body, is_repeatable=True)

    def approve_rules(self, proposal: Proposal, comment: str = "") -> Proposal:
        """Puts exactly these rules in force."""
        return self._answer(proposal, "approve", comment)

    def reject_rules(self, proposal: Proposal, comment: str) -> Proposal:
        """Ends the proposal; its author withdraws it so."""
        return self._answer(proposal, "reject", comment)

    # --- How it is asked ---

    def _decide(self, approval: Approval, answer: str, comment: str, more: Mapping[str, Any]) -> Approval:
        body = {"comment": comment, "digest": approval.digest, **more}
        path = f"/approvals/{_part(approval.id)}/{answer}"
        return self._one(Approval, "POST", path, body=body, is_repeatable=True)

    def _answer(self, proposal: Proposal, answer: str, comment: str) -> Proposal:
        body = {"comment": comment, "digest": proposal.digest}
        path = f"/policies/proposals/{_part(proposal.id)}/{answer}"
        return self._one(Proposal, "POST", path, body=body, is_repeatable=True)

    def _one(self, model: type[A], method: str, path: str, **more: Any) -> A:
        return model.model_validate(self._call(method, path, **more).json())

    def _list(self, model: type[A], path: str, query: Mapping[str, str]) -> list[A]:
        return [model.model_validate(item) for item in self._call("GET", path, query=query).json()]

    def _pages(self, model: type[A], path: str, query: Mapping[str, str]) -> Iterator[A]:
        """A list, page after page by its Link (RFC 8288)."""
        answer = self._call("GET", path, query=query)
        while True:
            yield from (model.model_validate(item) for item in answer.json())
            following = answer.links.get("next")
            if following is None:
                return
            answer = self._call("GET", path, query=httpx.URL(following["url"]).params)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | httpx.QueryParams | None = None,
        body: Any = None,
        is_repeatable: bool = False,
    ) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid.uuid4())} if is_repeatable else {}
        attempts = _ATTEMPTS if is_repeatable or method == "GET" else 1
        for attempt in range(1, attempts + 1):
            try:
                answer = self._http.request(method, path, params=query, json=body, headers=headers)
                break
            except httpx.TransportError as error:
                if attempt == attempts:
                    raise Unreachable(
                        f"the gateway does not answer: {error or type(error).__name__}"
                    ) from error
        if answer.is_success:
            return answer
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        raise Refused(answer.status_code, answer.json() if is_problem else {})


def _part(id: str) -> str:
    return quote(id, safe="")
