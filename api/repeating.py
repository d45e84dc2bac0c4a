"""Requests that may be sent again: what a program gives along to say that it is the same one."""

from typing import Annotated

from fastapi import Header

Repeatable = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="with it the same may be sent again: the repeat answers what became of the first",
    ),
]
