"""What the gateway asks the target about a session: what names mean there now, and what statements do."""

from collections.abc import Mapping

from ingress.postgres.catalogue_changes import Fingerprint
from ingress.postgres.facts import Context, Cursor
from ingress.postgres.sql.settings import MEANING

CONTEXT_QUERY = (
    b"select pg_catalog.array_to_string(pg_catalog.current_schemas(true), pg_catalog.chr(1)), "
    b"current_user, pg_catalog.current_setting('standard_conforming_strings'), "
    b"pg_catalog.array_to_string(array["
    + b", ".join(b"pg_catalog.current_setting('%s', true)" % name.encode() for name in MEANING)
    + b"], pg_catalog.chr(1), '')"
)
"""Its names are qualified, and it uses no operator: the session's own path is not to be trusted here."""


def with_fingerprint(fingerprint: Fingerprint) -> bytes:
    """CONTEXT_QUERY, with the catalogue's fingerprint as the session's transaction sees it."""
    return CONTEXT_QUERY + b", (" + fingerprint.query.encode() + b")"


def context_of(
    row: tuple[bytes | None, ...], prepared: Mapping[str, str], cursors: Mapping[str, Cursor]
) -> Context:
    """The context that an answer to CONTEXT_QUERY tells of."""
    schemas, role, strings, settings = ((value or b"").decode() for value in row[:4])
    return Context(
        search_path=tuple(schemas.split("\x01")) if schemas else (),
        role=role,
        standard_conforming_strings=strings == "on",
        settings=tuple(settings.split("\x01")),
        prepared=dict(prepared),
        cursors=dict(cursors),
    )
