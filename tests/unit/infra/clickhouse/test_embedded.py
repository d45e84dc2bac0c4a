import pytest

from infra.clickhouse.embedded import engine_error, identifier, quoted


@pytest.mark.parametrize(
    ("text", "code", "name", "message"),
    [
        (
            "Code: 60. DB::Exception: Table x does not exist. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Table x does not exist",
        ),
        (
            "Code: 164. DB::Exception: Code: 164. DB::Exception: Cannot modify 'readonly' setting in "
            "readonly mode. (READONLY) (version 26.9.2.1). (READONLY)",
            164,
            "READONLY",
            "Cannot modify 'readonly' setting in readonly mode",
        ),
        (
            "Code: 395. DB::Exception: Value passed to 'throwIf' (a, b). (VALUE_IS_NON_ZERO) "
            "(version 26.9.2.1 (official build))",
            395,
            "VALUE_IS_NON_ZERO",
            "Value passed to 'throwIf' (a, b)",
        ),
        ("something else\nwent wrong", 1001, "STD_EXCEPTION", "something else"),
        ("", 1001, "STD_EXCEPTION", "failed"),
    ],
)
def test_the_engines_errors_are_said_once(text: str, code: int, name: str, message: str) -> None:
    error = engine_error(RuntimeError(text))
    assert (error.code, error.name) == (code, name)
    assert str(error) == message


def test_values_and_names_are_quoted() -> None:
    assert quoted("it's a \\") == "'it\\'s a \\\\'"
    assert identifier("a`b\\") == "`a\\`b\\\\`"
