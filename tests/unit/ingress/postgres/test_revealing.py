import struct

import pytest
from support.catalogues import sample_catalogue
from support.playbook import Playbook, complete, ready, row

from ingress.interface import Finish
from ingress.postgres.messages import (
    SYNC,
    Bind,
    Parse,
    make,
    make_bind,
    make_describe,
    make_error,
    make_execute,
    make_parse,
    parse_bind,
    parse_fields,
    parse_parse,
)
from ingress.postgres.token_arrays import make_array
from processors.masking.tokens import Tokens, mask_of
from schemas.vocabulary import Intent, Obligations, Outcome, SensitiveColumn

CARD = "public.customers.card"
SENSITIVE = (SensitiveColumn(CARD, "tokenise"),)
TOKENS = Tokens(b"k" * 32, "orders", SENSITIVE)
RAW, OTHER = b"4111111111111111", b"5555"
DESCRIBED = make(b"T", b"\0\x01id\0" + struct.pack("!IhIhih", 0, 0, 23, 4, -1, 0))
PREPARED, BOUND = make(b"1"), make(b"2")


def token(value: bytes = RAW) -> str:
    found = mask_of({"tokenise": lambda value: value, **TOKENS.masks()}, "tokenise", CARD)(value)
    assert found is not None
    return found.decode()


def play(*, obligations: Obligations | None = None, encoding: str = "UTF8") -> Playbook:
    return Playbook(
        sample_catalogue(), obligations=obligations, tokens=TOKENS, sensitive=SENSITIVE, encoding=encoding
    )


def query(text: str, encoding: str = "utf-8") -> bytes:
    return make(b"Q", text.encode(encoding) + b"\0")


def sent(book: Playbook) -> tuple[Parse, Bind, str]:
    """The Parse and the Bind that the target was sent, and the kinds of all its messages."""
    messages = book.to_target()
    parse = next(parse_parse(one.body) for one in messages if one.kind == b"P")
    bind = next(parse_bind(one.body) for one in messages if one.kind == b"B")
    return parse, bind, "".join(one.kind.decode() for one in messages)


def test_a_simple_query_becomes_a_series_and_its_client_does_not_notice() -> None:
    book = play()
    book.client(query(f"select id from customers where card = '{token()}';"))
    parse, bind, kinds = sent(book)
    assert kinds == "PBDES"
    assert parse.text.split() == b"select id from customers where card = $1 ;".split()
    assert (parse.name, parse.types, bind.parameters) == (b"", (25,), (RAW,))
    book.target(PREPARED, BOUND, DESCRIBED, row(b"7"), complete("SELECT 1"), ready())
    assert book.kinds_to_client() == "TDCZ"
    [finish] = book.of(Finish)
    assert (finish.outcome, finish.rows) == (Outcome.SUCCEEDED, 1)
    assert token() in book.commands[0].text


def test_of_one_without_rows_its_client_hears_nothing_of_rows() -> None:
    book = play()
    book.client(query(f"delete from customers where card in ('{token()}', '{token(OTHER)}')"))
    assert sent(book)[1].parameters == (RAW, OTHER)
    book.target(PREPARED, BOUND, make(b"n"), complete("DELETE 1"), ready())
    assert book.kinds_to_client() == "CZ"


@pytest.mark.parametrize("before", [(), (PREPARED,), (PREPARED, BOUND), (PREPARED, BOUND, DESCRIBED)])
def test_an_error_at_each_step_is_its_clients(before: tuple[bytes, ...]) -> None:
    book = play()
    book.client(query(f"select id from customers where card = '{token()}'"))
    assert sent(book)[1].parameters == (RAW,)
    book.target(*before, make_error("22012", "no"), ready())
    assert book.kinds_to_client() == ("TEZ" if DESCRIBED in before else "EZ")
    assert [finish.outcome for finish in book.of(Finish)] == [Outcome.FAILED]
    book.client(query("select 1"))
    assert book.kinds_to_target() == "Q", "the session goes on"


def test_a_limit_on_rows_holds() -> None:
    book = play(obligations=Obligations(rows=1))
    book.client(query(f"select id from customers where card <> '{token()}'"))
    book.target(PREPARED, BOUND, DESCRIBED, row(b"1") + row(b"2"), complete("SELECT 2"), ready())
    *_, error, status = book.to_client()
    assert ("1" in parse_fields(error.body)["M"], status.kind) == (True, b"Z")


def test_in_another_encoding_it_is_found_where_it_stands() -> None:
    book = play(encoding="LATIN1")
    book.client(query(f"select 'üé' from customers where card = '{token()}' and name = 'ß'", "latin-1"))
    parse, _, _ = sent(book)
    assert b" ".join(
        parse.text.split()
    ) == "select 'üé' from customers where card = $1 and name = 'ß'".encode("latin-1")


def test_a_text_that_is_prepared_has_a_parameter_more_than_its_client_is_told() -> None:
    book = play()
    text = f"select 'ü' from customers where card = '{token()}' and id = $1"
    book.client(make_parse(b"p", text.encode(), (23,)), make_describe(b"S", b"p"), SYNC)
    [parse, *_] = [parse_parse(one.body) for one in book.to_target() if one.kind == b"P"]
    assert (parse.types, parse.text.split()[-4:]) == ((23, 25), [b"and", b"id", b"=", b"$1"])
    book.target(PREPARED, make(b"t", struct.pack("!HII", 2, 23, 25)), DESCRIBED, ready())
    told = book.to_client()
    assert told[1].body == struct.pack("!HI", 1, 23)
    number = struct.pack("!i", 7)
    book.client(make_bind(b"", b"p", (1,), (number,), (1,)), make_execute(b""), SYNC)
    [bind] = [parse_bind(one.body) for one in book.to_target() if one.kind == b"B"]
    assert (bind.formats, bind.parameters, bind.result_formats) == ((1, 0), (number, RAW), (1,))


@pytest.mark.parametrize(("formats", "types"), [((), ()), ((0,), (25,)), ((1,), (25,)), ((1, 0), (25, 0))])
def test_a_bound_token_is_its_value_in_either_format(
    formats: tuple[int, ...], types: tuple[int, ...]
) -> None:
    book = play()
    book.client(make_parse(b"", b"select id from customers where card = $1 and name = $2", types))
    book.client(make_bind(b"", b"", formats, (token().encode(), b"x")), make_execute(b""), SYNC)
    _, bind, _ = sent(book)
    assert (bind.formats, bind.parameters) == (formats * 2 if len(formats) == 1 else formats, (RAW, b"x"))
    assert book.commands[0].parameters == (token(), "x")
    assert book.commands[0].facts.probed == ()


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("select id from customers where card = $1 and name = $1", (), token()),
        ("select id from customers where card = $1", (1042,), token()),
        ("select id from customers where card = $1", (19,), token()),
        ("select id from customers where card = $1", (), "4111111111111111"),
        ("select $1 from customers", (), token()),
    ],
)
def test_anything_else_that_is_bound_stays_what_it_is(text: str, types: tuple[int, ...], value: str) -> None:
    book = play()
    book.client(make_parse(b"", text.encode(), types), make_bind(b"", b"", (), (value.encode(),)))
    book.client(make_execute(b""), SYNC)
    assert sent(book)[1].parameters == (value.encode(),)
    assert bool(book.commands[0].facts.probed) is ("card" in text)


@pytest.mark.parametrize(("formats", "types"), [((), ()), ((0,), (1009,)), ((1,), ()), ((1, 0), (1009, 0))])
def test_a_bound_array_of_tokens_is_one_of_values_in_either_format(
    formats: tuple[int, ...], types: tuple[int, ...]
) -> None:
    book = play()
    is_binary = 1 in formats
    bound, values = (
        make_array(elements, is_binary=is_binary)
        for elements in ((token().encode(), token(OTHER).encode()), (RAW, OTHER))
    )
    book.client(make_parse(b"", b"select id from customers where card = any ($1) and name = $2", types))
    book.client(make_bind(b"", b"", formats, (bound, b"x")), make_execute(b""), SYNC)
    assert sent(book)[1].parameters == (values, b"x")
    assert book.commands[0].facts.probed == ()


@pytest.mark.parametrize("types", [(), (1014,), (1003,), (25,)])
@pytest.mark.parametrize("other", ["", ",x", ",NULL", ",tok_x"])
def test_any_other_array_stays_what_it_is(types: tuple[int, ...], other: str) -> None:
    bound = f"{{{token()}{other}}}".encode()
    if types == () and not other:
        bound = bound.replace(b"{", b"{{").replace(b"}", b"}}")
    book = play()
    book.client(make_parse(b"", b"select id from customers where card = any ($1)", types))
    book.client(make_bind(b"", b"", (), (bound,)), make_execute(b""), SYNC)
    assert sent(book)[1].parameters == (bound,)
    assert book.commands[0].facts.probed == (CARD,)


def test_a_cursor_is_declared_with_values_and_its_rows_are_no_probe() -> None:
    book = play()
    book.client(query(f"declare c cursor for select id from customers where card = '{token()}'"))
    parse, bind, kinds = sent(book)
    assert (kinds, bind.parameters) == ("PBDES", (RAW,))
    assert parse.text.split()[-3:] == [b"card", b"=", b"$1"]
    book.target(PREPARED, BOUND, make(b"n"), complete("DECLARE CURSOR"), ready(b"T"))
    assert book.kinds_to_client() == "CZ"
    book.status = b"T"
    book.client(query("fetch all from c"))
    assert book.kinds_to_target() == "Q"
    assert book.commands[-1].facts.probed == ()
    assert Intent.UNKNOWN not in book.commands[-1].facts.intents


def test_a_cursor_over_a_guess_is_a_probe_in_every_fetch() -> None:
    book = play()
    book.client(query("declare c cursor for select id from customers where card = '4111'"))
    book.status = b"T"
    book.target(complete("DECLARE CURSOR"), ready(b"T"))
    book.client(query("fetch all from c"))
    assert [one.facts.probed for one in book.commands] == [(CARD,), (CARD,)]


def test_two_statements_in_one_message_hold_none() -> None:
    book = play()
    book.client(query(f"select id from customers where card = '{token()}'; select 1"))
    assert book.kinds_to_target() == "Q"
    assert book.commands[0].facts.probed == (CARD,)


def test_what_is_prepared_so_is_executed_by_name_as_the_target_has_it() -> None:
    """SQL's EXECUTE would have to bind what the gateway binds: a probe, whose argument is sealed."""
    book = play()
    text = f"select id from customers where card = '{token()}'"
    book.client(make_parse(b"p", text.encode()), SYNC)
    book.target(PREPARED, ready())
    book.client(query("execute p ('4111111111111111')"))
    command = book.commands[-1]
    assert command.facts.probed == (CARD,)
    assert "4111" not in command.text


def test_none_stands_for_a_value_while_a_transaction_may_have_changed_what_compares() -> None:
    book = play()
    book.client(query("begin"))
    book.target(complete("BEGIN"), ready(b"T"))
    book.client(query("create operator public.= (leftarg = text, rightarg = text, function = forget)"))
    book.status = b"T"
    book.target(complete("CREATE OPERATOR"), ready(b"T"))
    book.to_target()
    book.client(query(f"select id from customers where card = '{token()}'"))
    assert book.kinds_to_target() == "Q"
    assert Intent.UNKNOWN in book.commands[-1].facts.intents


def test_what_sql_prepared_is_at_the_target_as_it_was_written() -> None:
    book = play()
    book.client(query(f"prepare p as select id from customers where card = '{token()}'"))
    assert book.kinds_to_target() == "Q"
    book.target(complete("PREPARE"), ready())
    book.client(make_bind(b"", b"p"), make_execute(b""), SYNC)
    assert [parse_bind(one.body).parameters for one in book.to_target() if one.kind == b"B"] == [()]
    assert book.commands[-1].facts.probed == (CARD,)


def test_each_portal_of_a_statement_gets_all_its_parameters() -> None:
    book = play()
    text = f"select id from customers where card = '{token()}' and id = $1"
    binds = [make_bind(name, b"p", (), (name,)) for name in (b"1", b"2", b"3")]
    book.client(make_parse(b"p", text.encode()), *binds, make_execute(b"1"), SYNC)
    bound = [parse_bind(one.body).parameters for one in book.to_target() if one.kind == b"B"]
    assert bound[0] == (b"1", RAW)
    assert {len(parameters) for parameters in bound} == {2}


def test_a_read_only_transaction_is_around_it() -> None:
    book = play(obligations=Obligations(read_only=True))
    book.client(query(f"select id from customers where card = '{token()}'"))
    assert b"transaction_read_only" in book.own_statements()[0]
    assert sent(book)[2] == "PBDES"
