"""Coverage-guided fuzzing of the PostgreSQL codec, and of a whole session's conversation: `make fuzz`.

Each input becomes messages of a client and of a target, mostly of the right form, cut anywhere. Allowed is an
answer or a ProtocolError; anything else is a crash, which atheris writes to a file and names. Stops by itself
after MESSAGES messages. Findings become cases of tests/unit/ingress/postgres/test_codec.py.
"""

import os
import sys
import time
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["ingress.postgres"]):
    from support.catalogues import sample_catalogue
    from support.playbook import Playbook

    from ingress.errors import LoginRefused, ProtocolError
    from ingress.postgres import messages as m
    from ingress.postgres.codec import Block, ClientReader, Message, Oversized, TargetReader, startup_packet
    from ingress.postgres.startup import read_wish

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "1000000"))
_CLIENT = b"BCDEFHPQSXcdfp"
_TARGET = b"123ACDEGHIKNRSTVWZcdnstv"
_TEXTS = (
    b"select 1",
    b"begin",
    b"rollback",
    b"copy orders from stdin",
    b"select $1::text",
    b"",
    b"x'",
    b"set a=b",
)
_CATALOGUE = sample_catalogue()
_READS: tuple[Callable[[bytes], object], ...] = (
    m.parse_query,
    m.parse_parse,
    m.parse_bind,
    m.parse_target,
    m.parse_execute,
    m.parse_function_call,
    m.parse_password,
    m.parse_startup,
    m.parse_cancel_request,
    m.parse_authentication,
    m.parse_backend_key,
    m.parse_parameter_status,
    m.parse_row_description,
    m.parse_data_row,
    m.parse_command_complete,
    m.parse_fields,
)


class Fuzz:
    """Counts what was tried, and ends the process when it is enough."""

    def __init__(self) -> None:
        self.messages = 0
        self.inputs = 0
        self._began = time.monotonic()

    def __call__(self, data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        tries = (self._client, self._target, self._startup, self._session)
        tries[provider.ConsumeIntInRange(0, len(tries) - 1)](provider)
        self.inputs += 1
        if self.messages >= MESSAGES:
            seconds = time.monotonic() - self._began
            print(f"\n{self.messages} messages in {self.inputs} inputs, {seconds:.0f} s: no crash, no hang")
            sys.stdout.flush()
            os._exit(0)

    def _client(self, provider: "atheris.FuzzedDataProvider") -> None:
        reader, fed = ClientReader(), 0
        for piece in _cut(provider, self._messages(provider, _CLIENT)):
            reader.receive_data(piece)
            fed += len(piece)
            assert reader.buffered <= fed  # those not given yet, and none twice
            try:
                while (message := reader.next_message()) is not None:
                    fed -= len(message.body) + 5
                    self._parse(provider, message.body)
            except ProtocolError:
                return

    def _target(self, provider: "atheris.FuzzedDataProvider") -> None:
        reader, fed, given = TargetReader(), 0, 0
        for piece in _cut(provider, self._messages(provider, _TARGET)):
            fed += len(piece)
            try:
                for item in reader.receive_data(piece):
                    if isinstance(item, Oversized):
                        continue
                    given += len(item.data) if isinstance(item, Block) else len(item.raw)
                    if isinstance(item, Message):
                        self._parse(provider, item.body)
            except ProtocolError:
                return
            assert given <= fed

    def _startup(self, provider: "atheris.FuzzedDataProvider") -> None:
        self.messages += 1
        body = provider.ConsumeBytes(300)
        if provider.ConsumeBool():
            body = (
                (len(body) + 8).to_bytes(4, "big")
                + b"\0\x03\0"
                + bytes([provider.ConsumeIntInRange(0, 3)])
                + body
            )
        try:
            packet = startup_packet(body)
            if packet is not None:
                read_wish(m.parse_startup(packet[0]))
        except (ProtocolError, LoginRefused):
            return

    def _session(self, provider: "atheris.FuzzedDataProvider") -> None:
        book = Playbook(_CATALOGUE, allow=provider.ConsumeBool())
        try:
            while provider.remaining_bytes() > 2:
                said = self._messages(provider, _CLIENT, most=4)
                if provider.ConsumeBool():
                    book.client(said)
                else:
                    book.target(self._messages(provider, _TARGET, most=4))
                book.to_client(), book.to_target()
        except ProtocolError:
            return

    def _parse(self, provider: "atheris.FuzzedDataProvider", body: bytes) -> None:
        try:
            _READS[provider.ConsumeIntInRange(0, len(_READS) - 1)](body)
        except ProtocolError:
            return

    def _messages(self, provider: "atheris.FuzzedDataProvider", kinds: bytes, most: int = 12) -> bytes:
        """Some messages; most have the length that they say."""
        found = b""
        for _ in range(provider.ConsumeIntInRange(1, most)):
            self.messages += 1
            kind = bytes([kinds[provider.ConsumeIntInRange(0, len(kinds) - 1)]])
            if kind in b"QP" and provider.ConsumeBool():
                text = _TEXTS[provider.ConsumeIntInRange(0, len(_TEXTS) - 1)] + b"\0"
                body = text if kind == b"Q" else b"s\0" + text + b"\0\0"
            elif kind == b"B" and provider.ConsumeBool():
                body = b"p\0s\0\0\0\0\0\0\0"
            elif kind == b"Z":
                body = provider.PickValueInList([b"I", b"T", b"E"])
            else:
                body = provider.ConsumeBytes(provider.ConsumeIntInRange(0, 60))
            length = len(body) + 4 if provider.ConsumeIntInRange(0, 40) else provider.ConsumeUInt(4)
            found += kind + length.to_bytes(4, "big") + body
        return found


def _cut(provider: "atheris.FuzzedDataProvider", data: bytes) -> list[bytes]:
    """The bytes in up to four pieces."""
    places = sorted(provider.ConsumeIntInRange(0, len(data)) for _ in range(3))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


if __name__ == "__main__":
    atheris.Setup(sys.argv, Fuzz())
    atheris.Fuzz()
