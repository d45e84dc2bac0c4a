"""Who asks: a role of the gateway with the secret of the state folder, or an auditor with their token."""

import hmac
from dataclasses import dataclass

from infra.clickhouse.embedded import EngineError
from infra.clickhouse.exchange import AUTHENTICATION_FAILED
from infra.config import Config
from infra.identity import Identities, TokenRefused

GATEWAY = "countersign"
"""The user the gateway's own roles sign in as. No user of the configuration can take the name's place."""

_MEMORY = 256 * 1024 * 1024
_SECONDS = 120

_AUDITOR = {
    "max_execution_time": str(_SECONDS),
    "timeout_before_checking_execution_speed": "0",
    "max_memory_usage": str(_MEMORY),
    "max_bytes_before_external_group_by": str(_MEMORY // 4),
    "max_bytes_before_external_sort": str(_MEMORY // 4),
    "max_threads": "2",
    "max_query_size": str(256 * 1024),
    "max_subquery_depth": "50",
}

# Settings an auditor may give, each with the most it may be (None: any value does no harm).
_CHANGEABLE: dict[str, int | None] = {
    "max_execution_time": _SECONDS,
    "max_memory_usage": _MEMORY,
    "max_threads": 2,
    "max_block_size": 65_409,
    "max_result_rows": None,
    "max_result_bytes": None,
    "result_overflow_mode": None,
    "max_rows_to_read": None,
    "max_bytes_to_read": None,
    "read_overflow_mode": None,
    "timeout_overflow_mode": None,
    "limit": None,
    "offset": None,
    "session_timezone": None,
    "join_use_nulls": None,
    "date_time_input_format": None,
    "date_time_output_format": None,
    "format_csv_delimiter": None,
    "format_csv_null_representation": None,
    "format_tsv_null_representation": None,
    "bool_true_representation": None,
    "bool_false_representation": None,
    "async_insert": None,
    "wait_for_async_insert": None,
}
_CHANGEABLE_FAMILIES = tuple(
    f"output_format_{family}_"
    for family in ("json", "csv", "tsv", "pretty", "native", "binary", "decimal", "parquet", "arrow")
)

# What clients send out of habit. It is no wish to change anything: a reader's session is read-only anyway.
_IGNORED = frozenset({"readonly", "allow_ddl"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who signed in."""

    name: str
    is_auditor: bool  # may only read


class Callers:
    """Everybody who may sign in to the embedded ClickHouse."""

    def __init__(self, config: Config, identities: Identities, password: str) -> None:
        self._auditors = frozenset(config.gateway.auditors)
        self._identities = identities
        self._password = password.encode()

    async def sign_in(self, name: str, password: str, address: str = "") -> Caller:
        """Raises EngineError: 516 for a wrong name or password, 497 for who is no auditor."""
        if name == GATEWAY:
            if hmac.compare_digest(password.encode(), self._password):
                return Caller(name, is_auditor=False)
            raise _refused(name)
        try:
            signed_in = await self._identities.authenticate(name, password, address)
        except TokenRefused as refused:
            raise _refused(name) from refused
        if not self._auditors.intersection(signed_in.principal.groups):
            raise EngineError(
                497,
                "ACCESS_DENIED",
                f"{name}: Not enough privileges. Only members of a group in gateway.auditors may query the "
                "audit log",
            )
        return Caller(name, is_auditor=True)


def session_settings(caller: Caller, wished: dict[str, str]) -> dict[str, str]:
    """The settings of the caller's session. Raises EngineError (164) for what may not be changed."""
    if not caller.is_auditor:
        return dict(wished)
    chosen = dict(_AUDITOR)
    for name, value in wished.items():
        if name in _IGNORED:
            continue
        if name not in _CHANGEABLE and not name.startswith(_CHANGEABLE_FAMILIES):
            raise EngineError(164, "READONLY", f"Cannot modify '{name}' setting in readonly mode")
        most = _CHANGEABLE.get(name)
        chosen[name] = value if most is None else _at_most(name, value, most)
    return chosen


def _at_most(name: str, value: str, most: int) -> str:
    try:
        number = int(float(value))
    except (ValueError, OverflowError) as error:
        raise EngineError(72, "CANNOT_PARSE_NUMBER", f"Setting {name}: expected a number") from error
    # Zero would mean no limit.
    return str(number) if 0 < number <= most else str(most)


def _refused(name: str) -> EngineError:
    return EngineError(
        AUTHENTICATION_FAILED,
        "AUTHENTICATION_FAILED",
        f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
    )
