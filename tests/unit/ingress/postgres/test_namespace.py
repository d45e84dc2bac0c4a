"""A name means what the target last confirmed."""

from dataclasses import replace

from support.catalogues import sample_catalogue
from support.facts import CONTEXT

from ingress.postgres.facts import Cursor, analyse
from ingress.postgres.messages import Bind
from ingress.postgres.namespace import Change, Namespace, Portal, Prepared


def test_a_statement_is_seen_at_once_by_what_follows_it() -> None:
    names = Namespace()
    names.ask(Change(b"S", b"a", Prepared("select 1")))
    found = names.statement(b"a")
    assert found is not None
    assert found.text == "select 1"


def test_a_parse_that_the_target_refuses_leaves_the_name_as_it_was() -> None:
    names = Namespace()
    names.confirm(names.ask(Change(b"S", b"a", Prepared("drop table orders"))))
    second = names.ask(Change(b"S", b"a", Prepared("select 1")))
    names.take_back(second)
    found = names.statement(b"a")
    assert found is not None
    assert found.text == "drop table orders"


def test_a_close_counts_once_it_is_confirmed_and_for_what_follows_at_once() -> None:
    names = Namespace()
    names.confirm(names.ask(Change(b"S", b"a", Prepared("select 1"))))
    close = names.ask(Change(b"S", b"a", None))
    assert names.statement(b"a") is None
    names.take_back(close)
    assert names.statement(b"a") is not None


def test_statements_of_sql_and_of_the_protocol_share_their_names() -> None:
    names = Namespace()
    [first] = analyse("prepare a as select 1", sample_catalogue(), CONTEXT, ())
    names.prepare("a", "select 1", first)
    assert names.texts() == {"a": "select 1"}
    assert names.firsts() == {"a": first}
    names.deallocate("a")
    assert names.statement(b"a") is None


def test_a_text_that_the_target_may_read_otherwise_is_not_kept() -> None:
    names = Namespace()
    off = replace(CONTEXT, standard_conforming_strings=False)
    [first] = analyse(r"prepare a as select 'x\'", sample_catalogue(), off, ())
    names.prepare("a", r"select 'x\'", first)
    assert names.texts() == {}


def test_names_are_cut_where_the_target_cuts_them() -> None:
    names, long = Namespace(), b"n" * 63
    names.confirm(names.ask(Change(b"S", long + b"a", Prepared("select 1"))))
    names.confirm(names.ask(Change(b"S", long + b"b", None)))
    names.confirm(names.ask(Change(b"S", long + b"b", Prepared("delete from orders"))))
    found = names.statement(long + b"a")
    assert found is not None
    assert found.text == "delete from orders"


def test_a_cursor_takes_the_place_of_a_portal_of_its_name() -> None:
    names = Namespace()
    names.confirm(names.ask(Change(b"P", b"c", Portal(Prepared("select 1"), Bind(b"c", b"", (), (), ())))))
    names.close_cursor("c")
    assert names.portal(b"c") is None
    names.confirm(names.ask(Change(b"P", b"c", Portal(Prepared("select 1"), Bind(b"c", b"", (), (), ())))))
    names.declare("c", Cursor("select 2", ()))
    assert names.portal(b"c") is None


def test_portals_end_with_their_transaction() -> None:
    names = Namespace()
    portal = Portal(Prepared("select 1"), Bind(b"p", b"", (), (), ()))
    names.confirm(names.ask(Change(b"P", b"p", portal)))
    names.end_transaction()
    assert names.portal(b"p") is None


def test_a_simple_query_ends_the_unnamed_statement() -> None:
    names = Namespace()
    names.confirm(names.ask(Change(b"S", b"", Prepared("select 1"))))
    names.drop_unnamed()
    assert names.statement(b"") is None
