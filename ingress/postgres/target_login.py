"""We are the client: signing in to the target. Sans-IO.

PostgreSQL documentation, "Start-up" (55.2.1) and "SASL Authentication" (55.3); SCRAM: RFC 5802, RFC 7677.
"""

import hashlib
from typing import Any

import scramp

from ingress.errors import TargetError
from ingress.postgres.codec import Message, TargetReader
from ingress.postgres.messages import (
    make_password,
    make_sasl_initial,
    make_sasl_response,
    make_startup,
    parse_authentication,
    parse_backend_key,
    parse_fields,
    parse_parameter_status,
    parse_sasl_mechanisms,
)

_OK, _CLEARTEXT, _MD5, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 3, 5, 10, 11, 12


class TargetRefused(TargetError):
    """The target does not take this user with this password."""


class TargetLogin:
    """Feed it the target's bytes until `done`; send `data_to_send` after each step.

    `encrypted`: the connection is TLS, so that a cleartext password may be sent. `channel_binding`:
    its kind and data (RFC 5929, tls-server-end-point), where there is one.
    """

    def __init__(
        self,
        user: str,
        password: str | None,
        settings: dict[str, str],
        *,
        encrypted: bool,
        channel_binding: tuple[str, bytes] | None,
    ) -> None:
        self._user = user
        self._password = password
        self._encrypted = encrypted
        self._channel_binding = channel_binding
        self._reader = TargetReader(limit=1 << 20)
        self._out = [make_startup({"user": user, **settings})]
        self._scram: Any = None
        self._proven = False  # the target showed by SCRAM that it knows the password, or did not have to
        self.parameters: dict[str, str] = {}
        self.key: tuple[int, bytes] = (0, b"")
        self.done = False

    def data_to_send(self) -> bytes:
        data, self._out = b"".join(self._out), []
        return data

    def receive_data(self, data: bytes) -> None:
        """Raises TargetError when the target does not let us in, or breaks the protocol."""
        for item in self._reader.receive_data(data):
            if not isinstance(item, Message):
                raise TargetError("the target sent rows before it let the gateway in")
            match item.kind:
                case b"R":
                    self._authentication(item.body)
                case b"S":
                    name, value = parse_parameter_status(item.body)
                    self.parameters[name] = value
                case b"K":
                    self.key = parse_backend_key(item.body)
                case b"Z":
                    self.done = True
                case b"N":
                    pass
                case b"E":
                    fields = parse_fields(item.body)
                    reason = f"{fields.get('C', '')}: {fields.get('M', 'no reason given')}"
                    # Class 28: "Invalid Authorization Specification" (PostgreSQL documentation, appendix A).
                    kind = TargetRefused if fields.get("C", "").startswith("28") else TargetError
                    raise kind("the target did not let the gateway in", reason)
                case _:
                    raise TargetError(
                        f"the target sent a message of type {item.kind.decode('latin-1')} while signing in"
                    )

    def _authentication(self, body: bytes) -> None:
        kind, rest = parse_authentication(body)
        if kind == _OK:
            if self._scram is not None and not self._proven:
                raise TargetError("the target did not prove that it knows the password")
            return
        if self._password is None:
            raise TargetError("the target asks for a password", "no password is configured for this resource")
        if kind == _CLEARTEXT:
            if not self._encrypted:
                raise TargetError(
                    "the target asks for the password in clear text over an unencrypted connection",
                    "set tls: require or verify-full on the resource, or let the target use SCRAM",
                )
            self._out.append(make_password(self._password.encode()))
        elif kind == _MD5:
            self._out.append(make_password(_md5(self._user, self._password, rest[:4])))
        elif kind == _SASL:
            self._start_scram(parse_sasl_mechanisms(rest))
        elif kind in (_SASL_CONTINUE, _SASL_FINAL) and self._scram is not None:
            self._go_on_with_scram(kind, rest)
        else:
            raise TargetError(
                "the target asks to be signed in to in a way that is not spoken here", str(kind)
            )

    def _start_scram(self, mechanisms: list[str]) -> None:
        known = [name for name in mechanisms if name in ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")]
        if not known:
            raise TargetError("the target offers no SASL mechanism spoken here", ", ".join(mechanisms))
        binding = self._channel_binding if "SCRAM-SHA-256-PLUS" in known else None
        if binding is None:
            known = [name for name in known if name == "SCRAM-SHA-256"]
        try:
            # PostgreSQL takes the user from the start-up packet and ignores this one.
            self._scram = scramp.ScramClient(known, self._user, self._password, channel_binding=binding)
            first = self._scram.get_client_first()
        except scramp.ScramException as error:
            raise TargetError("SCRAM with the target failed", str(error)) from error
        self._out.append(make_sasl_initial(self._scram.mechanism_name, first.encode()))

    def _go_on_with_scram(self, kind: int, rest: bytes) -> None:
        try:
            if kind == _SASL_CONTINUE:
                self._scram.set_server_first(rest.decode())
                self._out.append(make_sasl_response(self._scram.get_client_final().encode()))
            else:
                self._scram.set_server_final(rest.decode())
                self._proven = True
        except (scramp.ScramException, UnicodeDecodeError, ValueError) as error:
            raise TargetError("SCRAM with the target failed", str(error)) from error


def _md5(user: str, password: str, salt: bytes) -> bytes:
    """MD5 as the protocol has it: "md5" + md5(md5(password + user) + salt)."""
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()
