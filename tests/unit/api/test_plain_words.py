"""What a reviewer reads before anything else."""

from dataclasses import replace

import pytest
from support.reviews import requested

from api.plain_words import headline, of_request, sentences, undoing, undoing_of
from schemas.vocabulary import Access, Facts, Intent

READ, WRITE, BULK = Intent.READ, Intent.WRITE, Intent.BULK_WRITE
ORDERS = ("public.orders",)
_PODS = Facts((WRITE,), methods=("POST",), paths=("/x",), kinds_of_object=("pods",))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts((WRITE,), ("delete",), ORDERS), "deletes from public.orders"),
        (
            Facts((BULK, WRITE), ("delete",), ORDERS),
            "deletes from public.orders without a WHERE that bounds it",
        ),
        (
            Facts((WRITE,), ("update",), ("public.a", "public.b")),
            "changes rows, reaching public.a and public.b",
        ),
        (Facts((WRITE,), ("tools/call",), tools=("refund",), methods=("POST",)), "calls the tool refund"),
        (Facts((BULK,), ("insert",), ORDERS), "adds rows to public.orders without a bound"),
        (Facts((READ,), ("select",), ("a.x", "a.y", "a.z")), "reads a.x, a.y and a.z"),
        (Facts((READ,), ("select",)), "reads data"),
        (Facts((Intent.DDL,), ("drop_table",), ORDERS), "drops table public.orders"),
        (Facts((Intent.DDL,), ("create_index",), ORDERS), "creates an index on public.orders"),
        (Facts((Intent.ADMIN,), ("vacuum",), ORDERS), "administers the target"),
        (Facts((BULK, WRITE), programs=("rm", "sudo")), "runs rm as root or another user, by sudo"),
        (Facts((WRITE,), methods=("POST",), paths=("/v1/refunds",)), "POST /v1/refunds"),
        (Facts((Intent.PROBE,), ("select",), probed=("a.b.c",)), "finds out about masked values of a.b.c"),
        (Facts((WRITE,), ("sftp_remove",), paths=("/srv/a",)), "removes the file /srv/a"),
        (Facts((WRITE,), ("sftp_rename",), paths=("/a", "/b")), "renames between /a and /b"),
        (Facts((Intent.EXEC,), ("copy",), programs=("sh",)), "copies rows in or out"),
        (
            replace(_PODS, verbs=("delete",), namespaces=("prod",)),
            "deletes pods in namespace prod",
        ),
        (
            replace(_PODS, verbs=("list",), namespaces=("*",)),
            "lists pods in all namespaces",
        ),
        (Facts(()), "does nothing that is known"),
    ],
)  # fmt: skip
def test_the_headline_is_the_heaviest_that_it_does(facts: Facts, words: str) -> None:
    assert headline(requested(facts=facts)) == words


@pytest.mark.parametrize("intent", Intent)
def test_every_intent_beside_plain_reading_leaves_a_trace(intent: Intent) -> None:
    facts = Facts((intent,), ("select",), ORDERS)
    quiet = {
        Intent.READ,
        Intent.SESSION,
        Intent.WRITE,
        Intent.BULK_WRITE,
        Intent.DDL,
        Intent.PROBE,
    }
    said = {sentence.text for sentence in sentences(facts)} - {"reads public.orders"}
    assert bool(said) is (intent not in quiet)


def test_what_several_statements_reach_is_said_once() -> None:
    facts = Facts((WRITE, READ), ("delete", "update"), ("public.a", "public.b"))
    assert [sentence.text for sentence in sentences(facts)] == [
        "deletes rows",
        "changes rows",
        "reaches public.a and public.b",
    ]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (Facts((READ, Intent.SESSION), ("select",)), "Nothing to undo"),
        (Facts((READ, Intent.EXPORT), ("copy",)), "No: what has been seen"),
        (Facts((WRITE,), ("update",)), "Only row by row"),
        (Facts((BULK, WRITE), ("update",)), "Only from a backup"),
        (Facts((Intent.DDL,), ("drop_index",)), "Only from a backup"),
        (Facts((Intent.DDL,), ("create_index",)), "Yes, by dropping"),
        (Facts((Intent.DDL,), ("alter_table",)), "By hand"),
        (Facts((WRITE, Intent.UNKNOWN), ("update",)), "Not known"),
        (Facts((WRITE,), methods=("POST",)), "Not by the gateway"),
    ],
)
def test_whether_it_can_be_undone(facts: Facts, words: str) -> None:
    assert undoing(facts).text.startswith(words)


def test_a_window_of_time_is_said_to_be_one() -> None:
    request = requested(text="", facts=Facts((READ, WRITE)), access=Access(1800.0, None))
    assert [sentence.text for sentence in of_request(request)] == [
        "asks for 30m without review of what reads data, changes data"
    ]
    assert "revoked" in undoing_of(request).text


def test_what_it_asks_to_see_unmasked_is_said_first_and_is_not_undone() -> None:
    request = requested(
        facts=Facts((READ,), ("select",), ("public.c",)), unmask=("public.c.mail", "public.c.ssn")
    )
    assert [(sentence.text, sentence.weight) for sentence in of_request(request)] == [
        ("asks to see public.c.mail and public.c.ssn unmasked", "heavy"),
        ("reads public.c", "light"),
    ]
    assert undoing_of(request).text.startswith("No: what has been seen")


def test_a_command_line_is_said_once() -> None:
    facts = Facts((Intent.ADMIN, Intent.EXEC), ("exec",), programs=("sudo", "systemctl"))
    assert [sentence.text for sentence in sentences(facts)] == [
        "runs systemctl as root or another user, by sudo",
        "administers the target",
    ]
    told = [sentence.text for sentence in sentences(Facts((Intent.EXEC,), ("copy",), programs=("sh",)))]
    assert told == ["copies rows in or out", "runs sh on the target"]
