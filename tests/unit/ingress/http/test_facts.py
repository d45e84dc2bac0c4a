import pytest

from ingress.http.facts import Known, read_call
from ingress.http.openapi import Description
from ingress.web.call import Call
from ingress.web.paths import parse_target
from ingress.web.selectors import Selectors
from schemas.vocabulary import Facts, SensitiveColumn

KNOWN = Known(selectors=Selectors([SensitiveColumn("$.customer.email", "email")]), graphql="/graphql")
JSON = "application/json"


def facts(method: str, target: str, body: str = "", media: str = JSON, known: Known = KNOWN) -> Facts:
    fields = ((b"content-type", media.encode()),) if body else ()
    return read_call(Call(method, parse_target(target), fields, body.encode() or None), known).facts


@pytest.mark.parametrize(
    ("method", "target", "intents"),
    [
        ("GET", "/orders", "read"),
        ("HEAD", "/orders", "read"),
        ("POST", "/orders", "write"),
        ("PATCH", "/orders/7", "write"),
        ("DELETE", "/orders/7", "write"),
        ("DELETE", "/orders/0198f3c2-7a10-7cc1-b3a1-2f0f35a0e7d1", "write"),
        ("DELETE", "/orders/ord_1a2b", "write"),
        ("DELETE", "/orders", "bulk_write write"),
        ("DELETE", "/v1", "bulk_write write"),
        ("GET", "/orders/7?_method=delete", "read write"),
        ("PROPFIND", "/orders", "unknown"),
        ("GET", "/orders?email=j", "probe read"),
        ("GET", "/orders?select=x:email", "probe read"),
        ("GET", "/orders?fields=id,name", "read"),
    ],
)
def test_intents(method: str, target: str, intents: str) -> None:
    assert " ".join(facts(method, target).intents) == intents


def test_the_fields_of_a_body() -> None:
    found = facts("POST", "/a", '{"customer": {"email": "x"}, "items": [{"n": 1}, {"n": 2, "m": null}]}')
    assert found.columns == ("$.customer.email", "$.items.m", "$.items.n")
    assert facts("POST", "/a", "x=1&y=2", "application/x-www-form-urlencoded").columns == ("$.x", "$.y")


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ("x", "text/plain"),
        ("{}", "application/json; charset=utf-16"),
        ("{}", 'application/json; CharSet = "utf-7"'),
        ("a=1", "application/x-www-form-urlencoded; charset=ibm037"),
        ("x", ""),
        ("{", JSON),
        ('{"a": 1, "a": 2}', JSON),
        ('{"a": Infinity}', JSON),
        ("[" * 1000 + "]" * 1000, JSON),
    ],
)
def test_a_body_that_is_not_understood_is_unknown(body: str, media: str) -> None:
    found = facts("POST", "/a", body, media)
    assert "unknown" in found.intents
    assert found.unproven


class TestGraphql:
    @pytest.mark.parametrize(
        ("query", "intents", "functions"),
        [
            ("{ customer { id } }", "read", "query.customer"),
            ("mutation { drop(id: 1) { id } }", "write", "mutation.drop"),
            ("query a { x } mutation b { y }", "read write", "mutation.y query.x"),
            ("query { ...f } fragment f on Query { hidden }", "read", "query.hidden"),
            ("{ ... on Query { inner } }", "read", "query.inner"),
            ("{ customer { x: email } }", "read unknown", "query.customer"),
            ("{ x: customer { email } }", "read unknown", "query.customer"),
            ("{ ...f } fragment f on Query { x: customer { email } }", "read unknown", "query.customer"),
            ("{ x: order { id } }", "read", "query.order"),
            ('{ customers(filter: {email: {like: "j%"}}) { id } }', "probe read", "query.customers"),
            ('{ customers(where: "email like 1") { id } }', "probe read", "query.customers"),
            ("{ customers(orderBy: EMAIL_ASC) { id } }", "probe read", "query.customers"),
            ("{ customers { id @include(if: $email) } }", "read", "query.customers"),
            ('query($a: F = {email: "j"}) { customers(f: $a) { id } }', "probe read", "query.customers"),
            ('{ customers(name: "jane") { id email } }', "read", "query.customers"),
            ("{", "unknown write", ""),
        ],
    )
    def test_operations(self, query: str, intents: str, functions: str) -> None:
        import json

        found = facts("POST", "/graphql", json.dumps({"query": query}))
        assert (" ".join(found.intents), " ".join(found.functions)) == (intents, functions)

    @pytest.mark.parametrize(
        "body",
        [
            '{"id": 7}',
            '{"extensions": {"persistedQuery": {}}, "query": "{ a }"}',
            "[]",
            '[{"query": "{ a }"}, "mutation { b }"]',
            '"mutation { b }"',
        ],
    )
    def test_an_operation_that_is_not_there_is_unknown(self, body: str) -> None:
        assert "unknown" in facts("POST", "/graphql", body).intents

    @pytest.mark.parametrize(
        ("body", "media"),
        [
            ("query=mutation+{+b+}", "application/x-www-form-urlencoded"),
            ("mutation { b }", "application/graphql"),
            (
                '--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'
                '{"query": "mutation { b }"}\r\n--b--\r\n',
                "multipart/form-data; boundary=b",
            ),
        ],
    )
    def test_a_body_beside_the_query_may_be_what_counts(self, body: str, media: str) -> None:
        assert "unknown" in facts("POST", "/graphql?query={a}", body, media).intents

    def test_variables_filter_too(self) -> None:
        query = '"query": "query($w: W) { customers(w: $w) { id } }"'
        body = f'{{{query}, "variables": {{"w": {{"by": "email like j"}}}}}}'
        assert facts("POST", "/graphql", body).intents == ("probe", "read")


def test_operations_of_a_description() -> None:
    description = Description(
        {
            "openapi": "3.1.0",
            "servers": [{"url": "https://api.test/v1"}],
            "paths": {
                "/orders/{id}": {"get": {"operationId": "getOrder"}, "delete": {}},
                "/orders/latest": {"get": {"operationId": "getLatest"}},
                "/orders": {"delete": {"operationId": "dropAll"}},
            },
        }
    )
    known = Known(description=description)
    assert facts("GET", "/v1/orders/x", known=known).functions == ("getOrder",)
    assert facts("GET", "/v1/orders/latest", known=known).functions == ("getLatest",)
    named = facts("DELETE", "/v1/orders/x", known=known)
    assert (named.functions, named.intents) == (("DELETE /orders/{id}",), ("write",))
    assert facts("DELETE", "/v1/orders", known=known).intents == ("bulk_write", "write")
    unknown = facts("GET", "/v1/other", known=known)
    assert unknown.unproven == ("the API's description has no such operation",)


def test_an_api_that_ignores_case_is_read_in_small_letters() -> None:
    assert facts("GET", "/Admin/", known=Known(ignores_case=True)).paths == ("/admin", "/admin/")
    assert facts("GET", "/Admin").paths == ("/Admin",)


def test_a_websocket_is_more_than_the_get_that_opens_it() -> None:
    found = read_call(Call("GET", parse_target("/ws"), (), is_websocket=True), KNOWN).facts
    assert (found.intents, found.statements) == (("network", "unknown"), ("websocket",))
    assert found.methods == ("GET",)
