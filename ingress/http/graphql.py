"""A GraphQL request -> what its operations do. Pure.

https://spec.graphql.org/October2021/: the kind of an operation (section 2.3) says whether it reads or writes;
its root fields, through fragments, are the functions it calls.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

_MOST_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class Operations:
    """`kinds`: query, mutation, subscription. `functions`: "mutation.deleteUser". `names`: every field's
    name.

    `renamed`: the fields that have an alias. `unproven`: why there may be more to it, or empty.
    """

    kinds: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    unproven: str = ""


def read_operations(document: Any, query: dict[str, str]) -> Operations:
    """The operations of a request: its JSON body, and its query. All of several are taken to run."""
    texts: list[Any] = []
    for one in document if isinstance(document, list) else [document]:
        if isinstance(one, dict):
            texts.append(one.get("query"))
            if "persistedQuery" in json.dumps(one.get("extensions")):
                texts.append(None)
    if "query" in query:
        texts.append(query["query"])
    if "extensions" in query or not texts:
        texts.append(None)
    found = [_read(text) for text in texts]
    return Operations(
        frozenset().union(*(one.kinds for one in found)),
        frozenset().union(*(one.functions for one in found)),
        frozenset().union(*(one.names for one in found)),
        frozenset().union(*(one.renamed for one in found)),
        next((one.unproven for one in found if one.unproven), ""),
    )


def _read(text: Any) -> Operations:
    if not isinstance(text, str):
        return Operations(unproven="its GraphQL operation is not in the request")
    try:
        document = parse(text, no_location=True, max_tokens=_MOST_TOKENS)
    except (GraphQLError, RecursionError):
        return Operations(unproven="its GraphQL cannot be parsed")
    fragments = {
        one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    functions = {
        f"{operation.operation.value}.{field.name.value}"
        for operation in operations
        for field in _root_fields(operation.selection_set, fragments, frozenset())
    }
    fields = list(_all_fields(document))
    return Operations(
        frozenset(operation.operation.value for operation in operations),
        frozenset(functions),
        frozenset(field.name.value for field in fields),
        frozenset(field.name.value for field in fields if field.alias is not None),
    )


def _root_fields(
    selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], seen: frozenset[str]
) -> Iterator[FieldNode]:
    for one in selections.selections:
        if isinstance(one, FieldNode):
            yield one
        elif isinstance(one, InlineFragmentNode):
            yield from _root_fields(one.selection_set, fragments, seen)
        elif (
            isinstance(one, FragmentSpreadNode) and (name := one.name.value) in fragments and name not in seen
        ):
            yield from _root_fields(fragments[name].selection_set, fragments, seen | {name})


def _all_fields(document: DocumentNode) -> Iterator[FieldNode]:
    pending: list[SelectionSetNode] = [
        one.selection_set
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while pending:
        for one in pending.pop().selections:
            if isinstance(one, FieldNode):
                yield one
            if isinstance(one, FieldNode | InlineFragmentNode) and one.selection_set is not None:
                pending.append(one.selection_set)
