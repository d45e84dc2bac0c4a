"""What the gateway asks about a session, and when what the open transaction did is proven to be nothing."""

import pytest
from support.catalogues import sample_catalogue
from support.conversations import query
from support.playbook import Playbook, complete, ready

from ingress.postgres.catalogue_changes import Fingerprint
from ingress.postgres.circumstances import CONTEXT_QUERY, context_of, with_fingerprint
from ingress.postgres.sql.settings import MEANING


def test_the_question_names_nothing_that_the_session_could_redefine() -> None:
    assert CONTEXT_QUERY.count(b"current_setting(") == CONTEXT_QUERY.count(b"pg_catalog.current_setting(")
    assert b"||" not in CONTEXT_QUERY
    assert with_fingerprint(Fingerprint("select 1", "")).endswith(b", (select 1)")


def test_the_answer_is_a_context() -> None:
    settings = b"\x01".join(name.encode() for name in MEANING)
    context = context_of((b"pg_catalog\x01public", b"app", b"off", settings), {"p": "select 1"}, {})
    assert context.search_path == ("pg_catalog", "public")
    assert (context.role, context.standard_conforming_strings) == ("app", False)
    assert context.settings == MEANING
    assert context.prepared == {"p": "select 1"}
    assert context_of((None, b"app", b"on", settings, b"fingerprint"), {}, {}).search_path == ()


@pytest.mark.parametrize(("now", "doubted"), [(b"before", False), (b"after", True)])
def test_what_code_did_in_a_transaction_is_looked_up(now: bytes, doubted: bool) -> None:
    catalogue = sample_catalogue()
    catalogue.fingerprint = Fingerprint("select 'fingerprint'", "before")
    book = Playbook(catalogue)
    book.fingerprint = now
    book.client(query("begin"))
    book.target(complete("BEGIN"), ready(b"T"))
    book.status = b"T"
    book.client(query("select forget(1)"))
    book.target(complete("SELECT 1"), ready(b"T"))
    book.client(query("select id from orders"))
    assert bool(book.commands[-1].facts.unproven) == doubted
    book.target(complete("SELECT 1"), ready(b"T"))
    book.client(query("rollback"))
    book.status = b"I"
    book.target(complete("ROLLBACK"), ready(b"I"))
    book.client(query("select id from orders"))
    assert not book.commands[-1].facts.unproven
