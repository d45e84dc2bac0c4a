"""A multipart body (RFC 2046, section 5.1) masked part by part, each as what its own header says it is."""

import re
from collections.abc import Callable

from ingress.web.answers.counting import Filter, Uninspectable

_LONGEST_HEAD = 16 * 1024
_BOUNDARY = re.compile(rb"""boundary=(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))""", re.IGNORECASE)


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a Content-Type names. Raises Uninspectable."""
    found = _BOUNDARY.findall(content_type)
    if len(found) != 1:
        raise Uninspectable("its boundary is not named once")
    quoted, plain = found[0]
    return bytes(quoted or plain)


class MultipartFilter:
    """`part`: from a part's Content-Type and Content-Encoding, a new filter for its body."""

    def __init__(
        self, boundary: bytes, part: Callable[[bytes, bytes], Filter], text: Callable[[bytes], bytes]
    ) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._make_part = part
        self._text = text
        self._rest = b"\r\n"  # the first delimiter may begin the body
        self._part: Filter | None = None
        self._in_head = False
        self._is_over = False
        self._is_first = True

    def feed(self, data: bytes) -> bytes:
        self._rest += data
        out: list[bytes] = []
        while not self._is_over and self._step(out):
            pass
        if self._is_over:
            self._rest = b""  # an epilogue is nobody's
        return b"".join(out)

    def finish(self) -> bytes:
        if not self._is_over:
            raise Uninspectable("its last part does not end")
        return b""

    def _step(self, out: list[bytes]) -> bool:
        """One head, or one piece of a body; whether there may be more to do."""
        if self._in_head:
            return self._head(out)
        at = self._rest.find(self._delimiter)
        if at < 0:
            keep = len(self._delimiter) - 1
            piece, self._rest = self._rest[:-keep], self._rest[-keep:]
            if self._part is not None:
                out.append(self._part.feed(piece))
            return False
        end = self._rest[at + len(self._delimiter) :]
        if len(end) < 2:
            return False
        if self._part is not None:
            out.append(self._part.feed(self._rest[:at]) + self._part.finish())
            self._part = None
        line = self._delimiter[2:] if self._is_first else self._delimiter
        self._is_first = False
        if end[:2] == b"--":
            self._is_over = True
            out.append(line + b"--\r\n")
        elif end[:2] == b"\r\n":
            self._in_head, self._rest = True, end
            out.append(line)
        else:
            raise Uninspectable("a line looks like its boundary and is none")
        return True

    def _head(self, out: list[bytes]) -> bool:
        at = self._rest.find(b"\r\n\r\n")
        if at < 0:
            if len(self._rest) > _LONGEST_HEAD:
                raise Uninspectable("the head of a part is too long")
            return False
        lines = self._rest[:at].split(b"\r\n")[1:]
        fields: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            name = name.strip().lower()
            if not colon or name in fields or line[:1] in (b" ", b"\t"):
                raise Uninspectable("the head of a part cannot be read")
            fields[name] = value.strip()
        if fields.get(b"content-transfer-encoding", b"8bit").lower() not in (b"7bit", b"8bit", b"binary"):
            raise Uninspectable("a part is in a transfer encoding that the gateway does not read")
        self._part = self._make_part(
            fields.get(b"content-type", b"text/plain"), fields.get(b"content-encoding", b"")
        )
        out.append(b"".join(b"\r\n" + self._text(line) for line in lines) + b"\r\n\r\n")
        # The body may be empty: then its delimiter begins with the line's end that closes the head.
        self._rest = (
            self._rest[at + 2 :] if self._rest[at + 2 :].startswith(self._delimiter) else self._rest[at + 4 :]
        )
        self._in_head = False
        return True
