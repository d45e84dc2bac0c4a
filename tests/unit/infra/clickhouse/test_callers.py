import pytest
from support.identities import identities

from infra.clickhouse.callers import GATEWAY, Caller, Callers, session_settings
from infra.clickhouse.embedded import EngineError
from infra.config import Config
from infra.identity import hash_token

AUDITOR = Caller("audrey", is_auditor=True)
OURS = Caller(GATEWAY, is_auditor=False)


def callers() -> Callers:
    users = [
        {"name": name, "kind": "person", "groups": groups, "token_hash": hash_token("secret", salt=b"0" * 16)}
        for name, groups in (("audrey", ["compliance"]), ("dana", ["dba"]))
    ]
    config = Config.model_validate({"gateway": {"auditors": ["compliance"]}, "identity": {"users": users}})
    return Callers(config, identities(config), "of the gateway")


async def test_an_auditor_signs_in_with_their_token() -> None:
    assert await callers().sign_in("audrey", "secret") == AUDITOR


async def test_the_gateway_signs_in_with_its_secret() -> None:
    assert await callers().sign_in(GATEWAY, "of the gateway") == OURS


@pytest.mark.parametrize(
    ("name", "password", "code"),
    [
        ("audrey", "wrong", 516),
        ("nobody", "secret", 516),
        ("default", "", 516),
        (GATEWAY, "wrong", 516),
        (GATEWAY, "ö", 516),
        ("dana", "secret", 497),
    ],
)
async def test_nobody_else_does(name: str, password: str, code: int) -> None:
    with pytest.raises(EngineError) as refused:
        await callers().sign_in(name, password)
    assert refused.value.code == code
    assert password not in str(refused.value) or not password


def test_an_auditors_query_is_limited() -> None:
    settings = session_settings(AUDITOR, {})
    assert int(settings["max_execution_time"]) > 0
    assert int(settings["max_memory_usage"]) > 0


@pytest.mark.parametrize("value", ["0", "9000000000000", "-1"])
def test_no_limit_can_be_lifted(value: str) -> None:
    usual = session_settings(AUDITOR, {})
    for name in ("max_execution_time", "max_memory_usage", "max_threads"):
        assert session_settings(AUDITOR, {name: value})[name] == usual[name]


def test_a_limit_can_be_lowered_and_harmless_settings_be_given() -> None:
    settings = session_settings(
        AUDITOR, {"max_execution_time": "5", "output_format_json_quote_decimals": "1"}
    )
    assert settings["max_execution_time"] == "5"
    assert settings["output_format_json_quote_decimals"] == "1"


@pytest.mark.parametrize(
    "name",
    [
        "allow_experimental_eval_table_function",
        "output_format_schema",
        "format_schema",
        "allow_introspection_functions",
        "implicit_select",
        "nonsense",
    ],
)
def test_other_settings_cannot(name: str) -> None:
    with pytest.raises(EngineError) as refused:
        session_settings(AUDITOR, {name: "1"})
    assert refused.value.code == 164


def test_readonly_is_no_wish_to_change_anything() -> None:
    assert "readonly" not in session_settings(AUDITOR, {"readonly": "0"})


def test_our_own_roles_choose_their_settings() -> None:
    assert session_settings(OURS, {"max_threads": "7"}) == {"max_threads": "7"}


def test_a_limit_that_is_no_number() -> None:
    with pytest.raises(EngineError) as refused:
        session_settings(AUDITOR, {"max_threads": "many"})
    assert refused.value.code == 72
