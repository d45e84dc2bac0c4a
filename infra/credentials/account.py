"""A name and a password at a target."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """`lease`: what whoever made it calls it, where that is not its name."""

    user: str
    password: str | None = field(repr=False)
    lease: str = ""
