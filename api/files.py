"""What went through files in a session, by SFTP and SCP: how much, its hash, and what of it is recorded."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from api.audit import AuditLog, damaged_recording
from api.auth import SignIn
from api.problems import Problem, documented
from api.sessions import Identifier
from api.transferred import Content, Listing, safe_name
from ingress.ssh.transfers import Direction, Transfer
from schemas.vocabulary import Principal

MEDIA_TYPE = "application/octet-stream"


class TransferView(BaseModel):
    """What went one way through one open file."""

    command: str = Field(description="the command that opened it")
    path: str = Field(description="at the host; masked", examples=["/srv/data/customers.csv"])
    direction: Direction = Field(description="read: to the client; write: to the host")
    bytes: int = Field(description="that went through")
    sha256: str = Field(description="of these; empty where they did not go from the beginning on, in order")
    recorded: int = Field(description="how many of the bytes the recording has")


def transfer_view(transfer: Transfer) -> TransferView:
    """A transfer of a recording."""
    return TransferView.model_validate(transfer, from_attributes=True)


def routes(audit_log: AuditLog, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/sessions", tags=["sessions"])
    problems = documented(
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )

    async def _read(session: str, add: Callable[[bytes], None]) -> None:
        """The chunks of a recording, each in turn, off the loop."""
        try:
            async for chunk in audit_log.frames(session):
                await asyncio.to_thread(add, chunk)
        except ValueError as error:
            raise damaged_recording(str(error)) from error

    @router.get("/{session}/files", responses=problems)
    async def list_files(
        session: Identifier, who: Annotated[Principal, Depends(sign_in)]
    ) -> list[TransferView]:
        """The files that were read and written in a session, in the order in which they were closed. They are
        for whom its recording is."""
        row = await audit_log.replayable(who, session)
        await audit_log.recording(row["session"])
        listing = Listing()
        await _read(row["session"], listing.add)
        return [transfer_view(transfer) for transfer in listing.transfers]

    @router.get(
        "/{session}/files/{command}/{direction}",
        response_class=Response,
        response_description="what is recorded of it (application/octet-stream)",
        responses=problems,
    )
    async def fetch_file(
        session: Identifier,
        command: Annotated[str, Path(description="the command that opened it")],
        direction: Direction,
        who: Annotated[Principal, Depends(sign_in)],
    ) -> Response:
        """What is recorded of a file, masked: its first bytes, or where it was not read or written in one
        piece, the parts one after the other. X-Recorded-Parts says where they stand in the file:
        `OFFSET+LENGTH, …`."""
        row = await audit_log.replayable(who, session)
        content = Content(command, direction)
        await _read(row["session"], content.add)
        if content.transfer is None:
            raise _unknown_file(row["session"], command)
        headers = {
            "Content-Disposition": f'attachment; filename="{safe_name(content.transfer.path)}"',
            "X-Recorded-Parts": ", ".join(f"{start}+{len(part)}" for start, part in content.parts),
        }
        return Response(b"".join(part for _, part in content.parts), media_type=MEDIA_TYPE, headers=headers)

    return router


def _unknown_file(session: str, command: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown-file",
        f"The recording of session {session} has no such file of a command {command}.",
        "GET …/files lists those that there are. One that is still open is not there yet.",
    )
