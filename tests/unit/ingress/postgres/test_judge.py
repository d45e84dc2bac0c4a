"""What a digest covers, and what is doubted although the text is clear."""

from dataclasses import replace

import pytest
from support.catalogues import PATH, sample_builder

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.facts import Context
from ingress.postgres.judge import EVERYTHING, FactsCache, Judge, Subject, unread_names
from ingress.postgres.messages import Bind
from ingress.postgres.namespace import Prepared
from ingress.postgres.sql.settings import MEANING
from schemas.vocabulary import Facts, Intent, Stage

SETTINGS = tuple("x" for _ in MEANING)
CONTEXT = Context(PATH, "app", settings=SETTINGS)


def judge(catalogue: Catalogue | None = None) -> Judge:
    found = Judge(
        Subject("agent-7", "orders", "orders", (), ()),
        FactsCache(),
        lambda: "c1",
        catalogue or sample_builder().build(),
    )
    found.context = CONTEXT
    return found


def digest(one: Judge, text: str = "select id from orders") -> str:
    return one.query(text)[0].command.digest


@pytest.mark.parametrize(
    "context",
    [
        replace(CONTEXT, role="dba"),
        replace(CONTEXT, search_path=(*PATH, "archive")),
        *(replace(CONTEXT, settings=(*SETTINGS[:n], "y", *SETTINGS[n + 1 :])) for n in range(len(MEANING))),
    ],
)
def test_a_digest_is_for_one_context(context: Context) -> None:
    one = judge()
    before = digest(one)
    assert digest(one) == before
    one.context = context
    assert digest(one) != before


def test_a_digest_is_for_the_objects_and_what_was_held_is_looked_at_again() -> None:
    one = judge()
    [execution] = one.query("select id from orders")
    one.catalogue = sample_builder().build(version="other")
    assert one.means_the_same(execution)
    builder = sample_builder().calls("public.orders", "insert", "public.forget")
    one.catalogue = builder.build(version="third")
    assert not one.means_the_same(execution)
    assert digest(one) != execution.command.digest


def test_a_digest_is_for_text_or_binary_parameters() -> None:
    def of(formats: tuple[int, ...]) -> str:
        bind = Bind(b"", b"", formats, (b"1234",), ())
        execution = judge().single(Stage.EXECUTE, Prepared("select $1"), bind)
        assert execution is not None
        return execution.command.digest

    assert of((0,)) == of(())
    assert of((1,)) != of((0,))


def facts_of(one: Judge, prepared: Prepared) -> Facts:
    execution = one.single(Stage.EXECUTE, prepared, None)
    assert execution is not None
    return execution.command.facts


def test_a_parameter_of_a_type_that_runs_code_or_is_not_known_is_doubt() -> None:
    catalogue = sample_builder().build()
    even, int4 = catalogue.find_type("public", "even", ()), catalogue.find_type("pg_catalog", "int4", ())
    assert even is not None
    assert int4 is not None
    for oid, doubted in ((even.oid, True), (int4.oid, False), (0, False), (4_000_000_000, True)):
        one = judge(catalogue)
        assert bool(facts_of(one, Prepared("select $1", (oid,))).unproven) == doubted
        assert one.doubts(Prepared("select $1", (oid,))) == doubted


def test_what_was_parsed_before_a_relation_of_the_same_name_was_made_can_mean_both() -> None:
    one, prepared = judge(), Prepared("delete from secrets")
    one.context = Context(("pg_temp_3", *PATH, "vault"), "app")
    assert facts_of(one, prepared).tables == ("vault.secrets",)
    one.catalogue = sample_builder().table("pg_temp_3.secrets", "id int4").build(version="other")
    found = facts_of(one, prepared)
    assert found.tables == ("pg_temp_3.secrets", "vault.secrets")
    assert Intent.UNKNOWN in found.intents
    assert facts_of(one, Prepared("delete from secrets")).tables == ("pg_temp_3.secrets",)


def test_what_was_parsed_while_a_backslash_meant_something_else_is_doubt() -> None:
    one, prepared = judge(), Prepared(r"select 'a\b'")
    one.context = replace(CONTEXT, standard_conforming_strings=False)
    assert facts_of(one, prepared).unproven
    one.context = CONTEXT
    assert facts_of(one, prepared).unproven
    assert not facts_of(one, Prepared(r"select 'a\b'")).unproven


def test_what_the_open_transaction_altered_is_doubt() -> None:
    one = judge()
    [renamed] = one.query("alter table orders rename to o")
    [ran] = one.query("select forget(1)")
    assert renamed.statement is not None
    assert ran.statement is not None
    one.unread = unread_names(renamed.statement)
    doubted = {
        text: bool(one.query(text)[0].command.facts.unproven)
        for text in ("select 1", "select id from orders", "select id from archive.orders", "commit")
    }
    assert list(doubted.values()) == [False, True, True, False]
    one.unread = unread_names(ran.statement)
    assert one.unread == {EVERYTHING}
    assert one.query("select 1")[0].command.facts.unproven
    assert not one.query("rollback")[0].command.facts.unproven


class TestPattern:
    """What may be granted along with a command: the values vary only where they decide nothing."""

    def of(self, text: str, one: Judge | None = None) -> tuple[str, str]:
        command = (one or judge()).query(text)[-1].command
        return command.pattern, command.fingerprint

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("delete from orders where id = 7", "delete  from orders /* x */ where id = 8"),
            ("update orders set note = 'a' where id = 1", "update orders set note = 'b' where id = 2"),
            ("select id from orders where id in (1, 2)", "select id from orders where id in (3, 4)"),
            ("drop table orders", "drop  table orders -- reason: x"),
        ],
    )
    def test_those_alike_have_one(self, first: str, second: str) -> None:
        assert self.of(first) == self.of(second)
        assert self.of(first)[1]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("delete from orders where id = 7", "delete from orders where id > 7"),
            ("delete from orders where id = 7", "delete from orders where customer_id = 7"),
            ("delete from orders where id = 7", "delete from orders where id = 7 or id = 7"),
            ("select set_config('work_mem', '1', false)", "select set_config('role', 'dba', false)"),
            ("do $$ begin end $$", "do $$ begin delete from orders; end $$"),
            ("create role a", "create role b"),
            ("select pg_read_file('/tmp/a')", "select pg_read_file('/etc/passwd')"),
            ("set work_mem = '1MB'", "set work_mem = '2MB'"),
            ("copy orders to '/tmp/a'", "copy orders to '/tmp/b'"),
        ],
    )
    def test_those_that_may_do_something_else_have_not(self, first: str, second: str) -> None:
        assert self.of(first)[1] != self.of(second)[1]

    def test_one_is_for_what_its_names_mean(self) -> None:
        one = judge()
        before = self.of("delete from orders where id = 7", one)
        one.context = replace(CONTEXT, role="dba")
        after = self.of("delete from orders where id = 7", one)
        assert before[0] == after[0]
        assert before[1] != after[1]

    @pytest.mark.parametrize("text", ["execute p(1)", "fetch 10 from c", "create role a password 'hunter2'"])
    def test_what_the_text_does_not_say_has_none(self, text: str) -> None:
        assert self.of(text) == ("", "")

    def test_parameters_vary_only_where_they_decide_nothing(self) -> None:
        def of(text: str) -> str:
            execution = judge().single(Stage.EXECUTE, Prepared(text), Bind(b"", b"", (), (b"1",), ()))
            assert execution is not None
            return execution.command.pattern

        assert of("delete from orders where id = $1") == "delete from orders where id = $1"
        assert of("select forget($1)") == ""

    def test_a_preparation_has_none(self) -> None:
        execution = judge().single(Stage.PREPARE, Prepared("delete from orders where id = $1"), None)
        assert execution is not None
        assert execution.command.fingerprint == ""
