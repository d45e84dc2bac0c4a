"""When enough persons have approved. Pure; the API asks it, too."""

from collections.abc import Collection, Mapping, Sequence


def has_quorum(approvals: int, all_of: Sequence[str], persons: Mapping[str, Collection[str]]) -> bool:
    """Whether `persons` (name -> groups) who approved are enough: so many, and of each group of `all_of` one.

    A quorum counts persons: who is in two of the groups stands for one of them.
    """
    names = {name.casefold(): frozenset(groups) for name, groups in persons.items()}
    return len(names) >= approvals and _each_has_one(all_of, names)


def _each_has_one(groups: Sequence[str], persons: Mapping[str, frozenset[str]]) -> bool:
    """Whether every group can be given a person of its own (a matching, by augmenting paths)."""
    stands_for: dict[str, str] = {}  # person -> group

    def find(group: str, tried: set[str]) -> bool:
        for person, theirs in persons.items():
            if group not in theirs or person in tried:
                continue
            tried.add(person)
            if person not in stands_for or find(stands_for[person], tried):
                stands_for[person] = group
                return True
        return False

    return all(find(group, set()) for group in groups)
