"""Messages without what is sensitive in them."""

import json
from typing import Any

import pytest

from ingress.mcp.masking import MessageMasking, rows_of
from ingress.web.answers.inspect import Sight
from ingress.web.selectors import Selectors
from processors.masking.masks import MASKS
from schemas.vocabulary import SensitiveColumn

FIELDS = Selectors((SensitiveColumn("$.customer.email", "email"), SensitiveColumn("$..secret", "full")))


def masking(
    selectors: Selectors = FIELDS, detectors: tuple[str, ...] = (), *uninspected: str
) -> MessageMasking:
    return MessageMasking(Sight(selectors, MASKS, detectors, (), uninspected), with_fields=True)


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


def test_fields_at_any_depth() -> None:
    document = {"result": [{"customer": {"email": "jane@example.com", "id": 1}}]}
    shown = masking().masked(result(structuredContent=document))["result"]["structuredContent"]
    assert shown == {"result": [{"customer": {"email": "j***@example.com", "id": 1}}]}


def test_text_and_structure_are_masked_alike() -> None:
    document = {"customer": {"email": "jane@example.com"}, "secret": {"a": 1}}
    text = {"type": "text", "text": json.dumps(document)}
    shown = masking().masked(result(structuredContent=document, content=[text]))["result"]
    assert json.loads(shown["content"][0]["text"]) == shown["structuredContent"]
    assert shown["structuredContent"]["secret"] == "[masked]"


def test_what_is_clean_stays_byte_for_byte() -> None:
    text = '{ "a":1.0,\n "b" : [] }'
    message = result(content=[{"type": "text", "text": text}], isError=False)
    assert masking().masked(message) == message


def test_prose_is_withheld_where_there_are_fields() -> None:
    message = result(content=[{"type": "text", "text": "jane@example.com"}])
    assert "withheld" in masking().masked(message)["result"]["content"][0]["text"]
    assert masking(FIELDS, (), "text/plain").masked(message) == message
    shown = masking(Selectors(()), ("email",)).masked(message)
    assert shown["result"]["content"][0]["text"] == "j***@example.com"


@pytest.mark.parametrize(("document", "rows"), [([1, 2], 2), ({"a": [1, 2, 3]}, 3), ({"a": 1}, 1), ("x", 1)])
def test_rows(document: Any, rows: int) -> None:
    assert rows_of(document) == rows


def test_rows_of_an_answer_count_once() -> None:
    many = [{"type": "text", "text": '{"a": 1}'}] * 3
    found = masking()
    found.masked(result(content=many, structuredContent={"result": [1, 2, 3]}))
    assert found.inspection.counts.rows == 3


def test_what_was_masked_is_counted() -> None:
    found = masking()
    found.masked(result(structuredContent={"secret": "a", "x": {"secret": "b"}}))
    (counted,) = found.inspection.counts.masked()
    assert (counted.field, counted.count) == ("$..secret", 2)
