"""Which rows of a transaction are shown, how they are paired, and what never is."""

import json

from ingress.interface import AskBeside
from ingress.postgres.own import Aside
from ingress.postgres.sampling import Masked, Sampling, Values
from ingress.postgres.sql.columns import Origin
from processors.masking.masks import MASKS
from schemas.vocabulary import ChangedRows, MaskingPlan, SampledRow, SensitiveColumn

CHANGED = ChangedRows("public.people", inserted=1, updated=1, deleted=2)
COLUMNS: list[Values] = [
    (b"42", b"public", b"people", b"1", b"id", b"23", b"integer", b"t"),
    (b"42", b"public", b"people", b"2", b"email", b"25", b"text", b"f"),
    (b"42", b"public", b"people", b"3", b"note", b"25", b"text", b"f"),
]
SENSITIVE = (SensitiveColumn("public.people.email", "email"),)


def origin(table: int, number: int) -> Origin | None:
    names = {1: "id", 2: "email", 3: "note"}
    return Origin((f"public.people.{names[number]}",), bare=True) if table == 42 else None


def masked() -> Masked:
    return Masked(MaskingPlan(columns=SENSITIVE, detectors=("card_number",)), origin, MASKS)


def person(id: int, email: str, note: str | None = None) -> Values:
    """A row as it is read: its columns, and its key once more."""
    return (b"%d" % id, email.encode(), None if note is None else note.encode(), b"%d" % id)


def answer(step: object, *answers: list[Values]) -> None:
    """The target's answers to the questions of an aside, behind those of the gateway's settings."""
    assert isinstance(step, Aside)
    asked = list(dict.fromkeys(one.answer for one in step.expected if one.answer is not None))
    for question, rows in zip(asked[2:], answers, strict=False):
        question.rows += rows


def test_rows_are_paired_by_their_keys_and_masked() -> None:
    sampling = Sampling([CHANGED], COLUMNS, 3)
    answer(sampling.step(), [(b"700",)], [person(1, "new@example.com"), person(2, "b@example.com", "x")])
    beside = sampling.step()
    assert isinstance(beside, AskBeside)
    assert [json.loads(one.parameter) for one in beside.questions] == [[["1"], ["2"]], 700]
    sampling.answered(
        [
            [person(1, "old@example.com")],
            [person(1, "old@example.com"), person(3, "c@example.com"), person(4, "d")],
        ]
    )
    locked: list[Values] = [(b"1",), (b"4",)]
    answer(sampling.step(), locked)
    assert sampling.step() is None
    found = sampling.of(CHANGED, masked())
    assert found.columns == ("id", "email", "note")
    assert found.sample == (
        SampledRow(("1", "o***@example.com", None), ("1", "n***@example.com", None)),
        SampledRow((), ("2", "b***@example.com", "x")),
        SampledRow(("3", "c***@example.com", None), ()),
    )


def test_a_value_is_cut_only_after_it_was_masked() -> None:
    sampling = Sampling([CHANGED], COLUMNS, 1)
    note = "x" * 90 + " 4111111111111111"
    answer(sampling.step(), [(b"700",)], [person(2, "b@example.com", note)])
    sampling.step()
    sampling.answered([[], []])
    (found,) = sampling.of(CHANGED, masked()).sample
    assert found.after[2] is not None
    assert len(found.after[2]) == 100
    assert "4111" not in found.after[2]


def test_all_together_have_a_bound() -> None:
    wide = [(b"42", b"public", b"people", b"3", b"n%d" % n, b"25", b"text", b"f") for n in range(30)]
    sampling = Sampling([CHANGED], [*COLUMNS[:1], *wide], 1000)
    rows: list[Values] = [(b"%d" % n, *[b"y" * 1000] * 29, b"%d" % n) for n in range(100)]
    answer(sampling.step(), [(b"700",)], rows)
    sampling.step()
    sampling.answered([[], []])
    found = sampling.of(CHANGED, masked())
    assert len(found.columns) == 30
    assert len(found.sample) == 64 * 1024 // 2902


def test_a_table_whose_key_is_not_known_is_named_without_rows() -> None:
    for columns in ([], [(*COLUMNS[0][:5], b"99999", b"public.own", b"t")], [(*COLUMNS[1],)]):
        sampling = Sampling([CHANGED], columns, 3)
        assert sampling.step() is None
        found = sampling.of(CHANGED, masked())
        assert found.sample == ()
        assert "no primary key" in found.not_sampled


def test_names_are_quoted_and_the_key_is_a_parameter() -> None:
    evil = [(*COLUMNS[0][:2], b'p"; drop table x; --', *COLUMNS[0][3:])]
    sampling = Sampling([CHANGED], evil, 3)
    step = sampling.step()
    assert isinstance(step, Aside)
    assert b'"public"."p""; drop table x; --" t where' in b"".join(step.messages)
