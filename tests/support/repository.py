"""What the repository holds, for the tests that keep its promises."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("ingress", "processors", "schemas", "projections", "api", "infra")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the repository that is or will be committed, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return tuple(sorted(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()))


def under(folder: str, suffix: str = "") -> list[Path]:
    """The files below this folder."""
    return [path for path in tracked() if path.is_relative_to(folder) and path.name.endswith(suffix)]


def modules() -> list[Path]:
    """The product's own Python files."""
    return [path for package in PACKAGES for path in under(package, ".py")]


def text(path: Path) -> str:
    return (ROOT / path).read_text()


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(text(path))) or ""


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every call in a file, such as (12, "time.sleep")."""
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
