"""A conversation with a table and a function that a test may name."""

from support.playbook import Playbook

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import Function, Relation
from ingress.postgres.messages import make
from ingress.postgres.sql.columns import Column
from ingress.postgres.sql.views import see_through
from schemas.vocabulary import Obligations

_ORDERS = 16400


def catalogue() -> Catalogue:
    columns = {
        number: Column(_ORDERS, name, f"public.orders.{name}", 23)
        for number, name in ((1, "id"), (2, "note"))
    }
    orders = Relation(_ORDERS, "public", "orders", "r", tuple(columns.values()), columns)
    return Catalogue(
        version="1",
        server=15,
        database="orders",
        schemas=("pg_catalog", "public"),
        relations=(orders,),
        functions=(
            Function("pg_catalog", "lo_create", True, "v", "internal", fewest=1, most=1, oid=715, returns=26),
        ),
        types=(),
        operators=(),
        see_through=see_through,
    )


def query(text: str) -> bytes:
    return make(b"Q", text.encode() + b"\0")


def play(*, allow: bool = True, obligations: Obligations | None = None) -> Playbook:
    return Playbook(catalogue(), allow=allow, obligations=obligations)
