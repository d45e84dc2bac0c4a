"""A GraphQL request -> what its operations do. Pure.

https://spec.graphql.org/October2021/: the kind of an operation (section 2.3) says whether it reads or writes;
its root fields, through fragments, are the functions it calls.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    Visitor,
    parse,
    visit,
)

_MOST_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class Operations:
    """`kinds`: query, mutation, subscription. `functions`: "mutation.deleteUser".

    `given`: names and values of arguments: what is filtered and sorted by. `renamed`: the fields that have an
    alias. `unproven`: why there may be more to it, or empty.
    """

    kinds: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    unproven: str = ""


def read_operations(document: Any, query: dict[str, str], *, has_body: bool) -> Operations:
    """The operations of a request: its JSON body, and its query. All of several are taken to run.

    `has_body`: it has one, whether or not that is JSON: servers also take forms, and differ on whether body
    or query counts."""
    texts: list[Any] = []
    if has_body:
        for one in document if isinstance(document, list) else [document]:
            is_one = isinstance(one, dict)
            texts.append(one.get("query") if is_one else None)
            if is_one and "persistedQuery" in json.dumps(one.get("extensions")):
                texts.append(None)
    if "query" in query:
        texts.append(query["query"])
    if "extensions" in query or not texts:
        texts.append(None)
    found = [_read(text) for text in texts]
    return Operations(
        frozenset().union(*(one.kinds for one in found)),
        frozenset().union(*(one.functions for one in found)),
        frozenset().union(*(one.given for one in found)),
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
        _given(document),
        frozenset(field.name.value for field in fields if field.alias is not None),
    )


class _Given(Visitor):
    """What a document gives to its fields: names of arguments, of fields of objects, texts and enums."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        self.found.add(node.name.value)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        self.found.add(node.name.value)

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        self.found.add(node.value)

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        self.found.add(node.value)


def _given(document: DocumentNode) -> frozenset[str]:
    visitor = _Given()
    visit(document, visitor)
    return frozenset(visitor.found)


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
