"""Where a command line runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """`has_terminal`: its input may be typed. `is_shell`: in a shell that goes on after it, in this `folder`
    (where it really is; "" where that is not known); `changed`: an earlier line may have given names another
    meaning."""

    has_terminal: bool = False
    is_shell: bool = False
    folder: str = "~"
    changed: bool = False
