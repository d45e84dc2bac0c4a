"""Every version of the schemas that ever shipped is kept, and can be read for ever.

`make release-schemas VERSION=n` copies schemas/avro/*.avsc to schemas/avro/released/n/. A released version
is never changed; `breaks` says what would make old events unreadable, or new ones for an old reader.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Records = dict[str, dict[str, Any]]  # the .avsc files of one version, by record name

AVRO = Path(__file__).parents[2] / "schemas" / "avro"


class ReleaseRefused(Exception):
    """This version cannot be released; the message says why."""


def records(folder: Path) -> Records:
    """The records of one version."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.avsc"))}


def versions(avro: Path = AVRO) -> list[int]:
    """The released versions, oldest first."""
    return sorted(int(path.name) for path in (avro / "released").glob("[0-9]*"))


def breaks(old: Records, new: Records) -> Iterator[str]:
    """What in `new` would break readers or events of `old`, one line each; nothing where all is well.

    Stricter than Avro's schema resolution, so that it holds in both directions: nothing goes, nothing
    changes its type, and what is added has a default.
    """
    for name, record in old.items():
        if name not in new:
            yield f"{name}: the record is gone"
            continue
        before = {field["name"]: field for field in record["fields"]}
        after = {field["name"]: field for field in new[name]["fields"]}
        for field in before.keys() - after.keys():
            yield f"{name}.{field}: the field is gone"
        for field in before.keys() & after.keys():
            if before[field]["type"] != after[field]["type"]:
                yield f"{name}.{field}: the type changed"
            if ("default" in before[field]) and ("default" not in after[field]):
                yield f"{name}.{field}: the default is gone"
        for field in after.keys() - before.keys():
            if "default" not in after[field]:
                yield f"{name}.{field}: a new field needs a default"


def release(version: int, avro: Path = AVRO) -> None:
    """Copies today's schemas as this version. Raises ReleaseRefused."""
    known = versions(avro)
    current = records(avro)
    if version in known:
        if records(avro / "released" / str(version)) != current:
            raise ReleaseRefused(f"version {version} is released and never changes: release {known[-1] + 1}")
        return
    if version != (expected := known[-1] + 1 if known else 1):
        raise ReleaseRefused(f"the next version is {expected}")
    problems = [
        f"version {older}: {problem}"
        for older in known
        for problem in breaks(records(avro / "released" / str(older)), current)
    ]
    if problems:
        raise ReleaseRefused("\n".join(problems))
    folder = avro / "released" / str(version)
    folder.mkdir(parents=True)
    for path in sorted(avro.glob("*.avsc")):
        shutil.copyfile(path, folder / path.name)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("expected a version: make release-schemas VERSION=1")
    try:
        release(int(sys.argv[1]))
    except ReleaseRefused as refused:
        sys.exit(f"not released: {refused}")
