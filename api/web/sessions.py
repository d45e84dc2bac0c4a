"""The pages of sessions: who was and is connected, their commands, the replay, and how one is ended."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.audit import AuditLog, Row, damaged_recording
from api.auth import WebSession
from api.cli.replay import READERS, Entry, NotARecording, entries, frames
from api.ending import Ending
from api.files import TransferView, transfer_view
from api.problems import Problem
from api.sessions import MOST_COMMANDS, command_view, session_view
from api.transferred import Listing
from api.web.site import Site, player_is_there
from api.web.terminal import as_terminal
from ingress.interface import Frame

_SESSIONS = 200  # the newest in the list
_MOST_BYTES = 4 * 1024 * 1024  # of a recording, compressed, on a page
_MOST_ENTRIES = 500
_MOST_ROWS = 200  # of one answer
_TERMINAL = "ssh"  # the format whose answers are asciicast lines
# asciinema's terminal is WebAssembly (CSP level 3, 'wasm-unsafe-eval'); its font and icons are data.
_WITH_PLAYER = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a page shows of a recording. `more`: why it is not all; empty when it is."""

    entries: tuple[Entry, ...]
    more: str


@dataclass(frozen=True, slots=True)
class Files:
    """What went through files. `more`: why the list is not all; empty when it is."""

    transfers: list[TransferView]
    more: str


class SessionPages:
    """The pages over the audit log."""

    def __init__(self, site: Site, audit_log: AuditLog, ending: Ending) -> None:
        self._site = site
        self._audit_log = audit_log
        self._ending = ending

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/sessions")(self.sessions)
        router.get("/sessions/{recorded}")(self.session)
        router.get("/sessions/{recorded}/replay")(self.replay)
        router.get("/sessions/{recorded}/cast")(self.cast)
        router.post("/sessions/{recorded}/end")(self.end)
        return router

    async def sessions(self, request: Request, state: str = "") -> Response:
        session = self._site.signed_in(request)
        rows, problem = [], None
        try:
            rows = await self._audit_log.sessions(session.principal, _SESSIONS, state=state)
        except Problem as away:
            problem = away
        return self._site.page(
            request,
            "sessions.html",
            problem.status if problem is not None else HTTPStatus.OK,
            session=session,
            found=[session_view(row) for row in rows],
            state=state,
            problem=problem,
        )

    async def session(self, request: Request, recorded: str, after: str = "") -> Response:
        session = self._site.signed_in(request)
        return await self._session_page(request, session, recorded, after)

    async def _session_page(
        self,
        request: Request,
        session: WebSession,
        recorded: str,
        after: str = "",
        problem: Problem | None = None,
    ) -> Response:
        row = await self._audit_log.session(session.principal, recorded)
        rows = await self._audit_log.commands(row["session"], after, MOST_COMMANDS)
        may_replay = await self._may_replay(session, recorded)
        return self._site.page(
            request,
            "session.html",
            problem.status if problem is not None else HTTPStatus.OK,
            session=session,
            recorded=session_view(row),
            commands=[command_view(found) for found in rows],
            has_more=len(rows) == MOST_COMMANDS,
            may_replay=may_replay,
            files=await self._files(row) if may_replay and row["protocol"] == _TERMINAL else None,
            may_end=row["state"] == "open" and self._ending.may_end(session.principal, row),
            problem=problem,
        )

    async def replay(self, request: Request, recorded: str) -> Response:
        session = self._site.signed_in(request)
        row = await self._audit_log.replayable(session.principal, recorded)
        recording = await self._audit_log.recording(row["session"])
        has_player = recording.format == _TERMINAL and player_is_there()
        shown = await self._transcript(row["session"], recording.format)
        response = self._site.page(
            request,
            "replay.html",
            session=session,
            recorded=session_view(row),
            replay=shown,
            is_whole=recording.is_whole,
            protocol=recording.format,
            has_player=has_player,
            most_rows=_MOST_ROWS,
        )
        if has_player:
            response.headers["Content-Security-Policy"] = _WITH_PLAYER
        return response

    async def cast(self, request: Request, recorded: str) -> Response:
        """A terminal's recording as asciicast v2."""
        session = self._site.signed_in(request)
        row = await self._audit_log.replayable(session.principal, recorded)
        recording = await self._audit_log.recording(row["session"])
        if recording.format != _TERMINAL:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "no-terminal",
                "The session is not one of a terminal, so there is no asciicast of it.",
                "Its transcript is on the page of its replay.",
            )
        chunks, _ = await self._chunks(row["session"])
        lines = await asyncio.to_thread(_cast, chunks)
        return Response(lines, media_type="application/x-asciicast")

    async def end(
        self,
        request: Request,
        recorded: str,
        reason: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._site.posted_by(request, form_token)
        try:
            await self._ending.end(session.principal, recorded, reason)
        except Problem as problem:
            return await self._session_page(request, session, recorded, problem=problem)
        return RedirectResponse(f"/sessions/{recorded}", HTTPStatus.SEE_OTHER)

    async def _may_replay(self, session: WebSession, recorded: str) -> bool:
        try:
            row = await self._audit_log.replayable(session.principal, recorded)
            await self._audit_log.recording(row["session"])
        except Problem as problem:
            if problem.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
                return False
            raise
        return True

    async def _files(self, row: Row) -> Files:
        chunks, is_all = await self._chunks(row["session"])
        return await asyncio.to_thread(_listed, chunks, is_all)

    async def _transcript(self, session: str, format: str) -> Replay:
        if format not in READERS:
            return Replay((), f"This version cannot show recordings of the format {format}.")
        chunks, is_all = await self._chunks(session)
        return await asyncio.to_thread(_read, chunks, format, is_all)

    async def _chunks(self, session: str) -> tuple[list[bytes], bool]:
        """The beginning of a recording, and whether that is all of it."""
        chunks, size = [], 0
        async for chunk in self._audit_log.frames(session):
            chunks.append(chunk)
            size += len(chunk)
            if size > _MOST_BYTES:
                return chunks, False
        return chunks, True


def _read(chunks: list[bytes], format: str, is_all: bool) -> Replay:
    found: list[Entry] = []
    more = "" if is_all else "The recording is long: this is its beginning."
    try:
        for entry in entries(chunks, READERS[format]()):
            if len(found) == _MOST_ENTRIES:
                more = "The recording is long: this is its beginning."
                break
            found.append(entry)
    except NotARecording as error:
        more = f"The recording is damaged here: {error}."
    return Replay(tuple(found), more)


def _listed(chunks: list[bytes], is_all: bool) -> Files:
    listing = Listing()
    more = "" if is_all else "The recording is long: there may be more files."
    try:
        for chunk in chunks:
            listing.add(chunk)
    except ValueError as error:
        more = f"The recording is damaged here: {error}."
    return Files([transfer_view(transfer) for transfer in listing.transfers], more)


def _cast(chunks: list[bytes]) -> bytes:
    try:
        lines = b"".join(payload for kind, _, payload in frames(chunks) if kind is Frame.ANSWER)
    except NotARecording as error:
        raise damaged_recording(str(error)) from error
    return as_terminal(lines)
