"""Recordings: what a session's client was shown, already masked."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from api.audit import AuditLog
from api.auth import SignIn
from api.problems import documented
from api.sessions import Identifier
from schemas.vocabulary import Principal

MEDIA_TYPE = "application/zstd"


def routes(audit_log: AuditLog, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/sessions", tags=["sessions"])

    @router.get(
        "/{session}/recording",
        response_class=StreamingResponse,
        response_description="zstd over frames (application/zstd)",
        responses=documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    )
    async def fetch_recording(
        session: Identifier, who: Annotated[Principal, Depends(sign_in)]
    ) -> StreamingResponse:
        """A session's recording: zstd over frames, each a u32 length of its payload, u64 microseconds since
        the session began, u8 kind (0 a command's text, 1 bytes of an answer in the form that
        X-Recording-Format names, 2 a note, 3 a part of a file: a line of JSON that says of which, and its
        bytes, which `/files` puts together), the payload; integers are big-endian. It is for the session's
        own principal, for who decided on one of its commands, and for auditors.

        X-Recording-Whole is `false` where a part is missing (perhaps not yet written): it ends before that.
        """
        row = await audit_log.replayable(who, session)
        recording = await audit_log.recording(row["session"])
        frames = audit_log.frames(row["session"])
        first = await anext(frames, b"")  # before the answer begins: what goes wrong can still be said
        headers = {
            "X-Recording-Format": recording.format,
            "X-Recording-Whole": "true" if recording.is_whole else "false",
        }
        return StreamingResponse(_after(first, frames), media_type=MEDIA_TYPE, headers=headers)

    return router


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
