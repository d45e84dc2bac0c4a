"""A program over libpq of PostgreSQL 18 (in psycopg's wheel) that signs in with OAuth, by libpq's own hook.

    COUNTERSIGN_OAUTH_TOKEN=… python -P -m support.libpq_oauth CONNINFO SQL

Prints the first value of the answer; what libpq says where it does not come in goes to standard error.
psycopg has no door to the hook. PostgreSQL documentation, "OAuth Support" of libpq.
"""

import ctypes
import os
import sys
from pathlib import Path

import psycopg  # loads the libraries that libpq stands on

_BEARER_TOKEN = 1  # PQAUTHDATA_OAUTH_BEARER_TOKEN
_CONNECTION_OK = 0


class _Request(ctypes.Structure):
    """PGoauthBearerRequest."""

    _fields_ = (
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    )


def main(conninfo: str, sql: str) -> int:
    (path,) = (Path(psycopg.__file__).parents[1] / "psycopg_binary.libs").glob("libpq-*")
    libpq = ctypes.CDLL(str(path))
    libpq.PQconnectdb.restype = libpq.PQexec.restype = ctypes.c_void_p
    libpq.PQerrorMessage.restype = libpq.PQgetvalue.restype = ctypes.c_char_p
    token = os.environ["COUNTERSIGN_OAUTH_TOKEN"].encode()

    def give(kind: int, _connection: int, data: int) -> int:
        if kind != _BEARER_TOKEN:
            return 0
        request = ctypes.cast(data, ctypes.POINTER(_Request)).contents
        print((request.openid_configuration or b"").decode(), file=sys.stderr)
        request.token = token
        return 1

    hook = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(give)
    libpq.PQsetAuthDataHook(hook)
    connection = ctypes.c_void_p(libpq.PQconnectdb(conninfo.encode()))
    if libpq.PQstatus(connection) != _CONNECTION_OK:
        print(libpq.PQerrorMessage(connection).decode(), file=sys.stderr)
        return 1
    answer = ctypes.c_void_p(libpq.PQexec(connection, sql.encode()))
    print(libpq.PQgetvalue(answer, 0, 0).decode())
    libpq.PQfinish(connection)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
