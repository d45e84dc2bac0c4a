from ingress.postgres.catalogue_changes import (
    CATALOGUES,
    COLUMNS,
    Changes,
    Fingerprint,
    Owned,
    Owners,
    Scope,
    differing,
    everything,
    fingerprint_query,
    is_same_server,
    note,
    number_gone,
    rows_query,
    scope_of,
)

TABLE, OTHER, TYPE, FUNCTION, CAST = 16500, 16510, 16501, 16600, 16700
EMPTY: dict[str, Owned] = {name: {} for name in CATALOGUES if name != COLUMNS}
ROWS: dict[str, Owned] = {
    **EMPTY,
    "class": {"16500": Owners((TABLE,), 0, 0), "16510": Owners((OTHER,), 0, 0)},
    "type": {"16501": Owners((), TYPE, 0)},
    "proc": {"16600": Owners((), 0, FUNCTION), "16601": Owners((), 0, 16601)},
    "constraint": {"16520": Owners((TABLE, OTHER), 0, 0)},
    "cast": {"16700": Owners((), 0, FUNCTION), "1": Owners((), 0, 0)},
    "namespace": {"2200": Owners((), 0, 0)},
}


def fingerprint(server: str = "s.0", **parts: str) -> Fingerprint:
    values = {"server": server, **dict.fromkeys(CATALOGUES, "3:"), **parts}
    return Fingerprint("", " ".join(f"{name} {value}" for name, value in values.items()))


def test_what_differs_is_named() -> None:
    before = fingerprint()
    assert list(differing(before, fingerprint())) == []
    assert list(differing(before, fingerprint(proc="3:a", type="4:"))) == ["proc", "type"]
    assert fingerprint(attribute="4711:a").count("attribute") == 4711


def test_another_start_or_era_of_the_server_cannot_be_compared() -> None:
    assert is_same_server(fingerprint(), fingerprint(proc="4:"))
    assert not is_same_server(fingerprint(), fingerprint("t.0"))
    assert not is_same_server(fingerprint(), fingerprint("s.1"))


def test_a_query_of_the_fingerprint_trusts_no_path() -> None:
    query = fingerprint_query(4711)
    assert all(
        f"from pg_catalog.{catalogue.table})" in query or f"from pg_catalog.{catalogue.table} " in query
        for catalogue in CATALOGUES.values()
    )
    assert "'4711'::pg_catalog.xid" in query
    assert " <= " not in query
    assert "where true" in rows_query("class")
    assert "'4711'" in rows_query("class", 4711)


def test_what_is_gone_is_in_their_number() -> None:
    known = {"1": Owners((1,), 0, 0), "2": Owners((2,), 0, 0), "3": Owners((3,), 0, 0)}
    new = {"3": Owners((3,), 0, 0), "4": Owners((4,), 0, 0)}
    assert number_gone(fingerprint(**{"class": "4:"}), "class", known, new) == 0
    assert number_gone(fingerprint(**{"class": "3:"}), "class", known, new) == 1
    assert number_gone(fingerprint(**{"class": "5:"}), "class", known, new) == -1


def test_a_new_row_is_about_its_owners_and_a_row_that_changed_about_those_of_before_too() -> None:
    changes = Changes()
    rows = note(changes, "constraint", {}, {"9": Owners((TABLE, 0), TYPE, 0)}, ())
    assert (changes.relations, changes.types, changes.known) == ({TABLE, 0}, {TYPE}, set())
    rows = note(changes, "constraint", rows, {"9": Owners((OTHER,), 0, 0)}, ())
    assert changes.relations == {TABLE, OTHER, 0}
    assert changes.known == {"constraint"}
    assert rows == {"9": Owners((OTHER,), 0, 0)}


def test_what_is_gone_is_about_those_it_was_about() -> None:
    changes = Changes()
    rows = note(changes, "constraint", ROWS["constraint"], {}, {"16520"})
    assert (changes.relations, rows) == ({TABLE, OTHER}, {})
    assert changes.known == changes.catalogues == {"constraint"}


def test_a_table_more_is_all_that_is_read() -> None:
    changes = Changes()
    note(changes, "class", ROWS["class"], {"17000": Owners((17000,), 0, 0)}, ())
    note(changes, "type", ROWS["type"], {"17001": Owners((), 17001, 0)}, ())
    note(changes, COLUMNS, {}, {"17000.1": Owners((17000,), 0, 0)}, ())
    note(changes, "constraint", ROWS["constraint"], {"17002": Owners((17000, 0), 0, 0)}, ())
    scope = scope_of(changes, ROWS)
    new = frozenset({17000})
    assert scope == Scope(new, new, frozenset({17001}), frozenset(), prints_all=False)


def test_a_new_schema_changes_nothing_else_and_another_name_of_one_everything() -> None:
    made, renamed = Changes(), Changes()
    note(made, "namespace", ROWS["namespace"], {"3000": Owners((), 0, 0)}, ())
    note(renamed, "namespace", ROWS["namespace"], {"2200": Owners((), 0, 0)}, ())
    assert scope_of(made, EMPTY) == scope_of(Changes(), EMPTY)
    assert scope_of(renamed, ROWS) == everything(ROWS)


def test_what_is_gone_is_asked_for_beside_everything() -> None:
    changes = Changes()
    note(changes, "class", {"17000": Owners((17000,), 0, 0)}, {}, {"17000"})
    note(changes, "namespace", ROWS["namespace"], {}, {"2200"})
    assert scope_of(changes, ROWS).relations == {TABLE, OTHER, 17000}


def test_types_are_read_again_where_a_function_that_casts_changed() -> None:
    casts, other = Changes(), Changes()
    note(casts, "proc", ROWS["proc"], {"16600": Owners((), 0, FUNCTION)}, ())
    note(other, "proc", ROWS["proc"], {"16601": Owners((), 0, 16601)}, ())
    assert scope_of(casts, ROWS).types == {TYPE}
    assert scope_of(other, ROWS).types == set()


def test_definitions_are_printed_again_where_an_operator_or_what_is_postgresqls_own_changed() -> None:
    for name, known, row in (
        ("operator", {"9": Owners((), 0, 0)}, {"9": Owners((), 0, 0)}),
        ("proc", {}, {"1299": Owners((), 0, 1299)}),
        ("class", {}, {"1259": Owners((1259,), 0, 0)}),
    ):
        changes = Changes()
        note(changes, name, known, row, ())
        assert scope_of(changes, ROWS).prints_all, name
