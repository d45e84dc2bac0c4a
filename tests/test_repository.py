"""The repository keeps its own promises: every rule here has its reason in the message of the test."""

import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from support import events_page
from support.released import AVRO, breaks, records, versions
from support.repository import PACKAGES, ROOT, calls, docstring, modules, text, tracked, under
from support.settings import documented, keys

LONGEST = 600  # lines; a longer file is more than one thing


def test_imports_go_one_way() -> None:
    """The contracts of pyproject.toml: data flows forward, protocols are strangers, decisions do no I/O."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_tests_mirror_the_packages() -> None:
    """tests/unit/PATH/test_NAME….py tests PATH/NAME.py: whoever changes a file finds its tests."""
    strays = []
    names_in: dict[Path, list[str]] = {}
    for module in modules():
        names_in.setdefault(module.parent, []).append(module.stem)
    for path in under("tests/unit", ".py"):
        names = names_in.get(path.parent.relative_to("tests/unit"), [])
        tested = path.stem.removeprefix("test_")
        if not path.name.startswith("test_") or not any(
            tested == name or tested.startswith(f"{name}_") for name in names
        ):
            strays.append(str(path))
    assert strays == []


def test_no_test_folder_shadows_a_package() -> None:
    """A folder with parts of its own is a package, for pytest to end them (scope="package"). Its name is then
    `tests.clients.http`, and not the standard library's `http`: every folder above it is a package too."""
    packages = [path.parent for path in under("tests", ".py") if path.name == "__init__.py"]
    assert Path("tests") in packages
    assert [path for path in packages if path != Path("tests") and path.parent not in packages] == []


@pytest.mark.parametrize("path", under("", ".py"), ids=str)
def test_a_file_is_one_thing(path: Path) -> None:
    assert len(text(path).splitlines()) <= LONGEST


@pytest.mark.parametrize("path", [path for path in modules() if path.name != "__init__.py"], ids=str)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert docstring(path)


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.name == "__init__.py"], ids=lambda path: str(path.parent)
)
def test_a_folder_introduces_itself(path: Path) -> None:
    """__init__.py is the map: it names every file and folder beside it."""
    beside = {module.stem for module in modules() if module.parent == path.parent} - {"__init__"}
    beside |= {module.parent.name for module in modules() if module.parent.parent == path.parent}
    named = re.findall(r"\w+\*?", text(path))  # `results_*.py` names all of a kind
    assert {name for name in beside if not any(fnmatch(name, word) for word in named)} == set()


def test_every_protocol_is_known_and_documented() -> None:
    """A folder of ingress/ is a protocol: one line in PROTOCOLS, one section in docs/protocols.md."""
    from ingress.protocols import PROTOCOLS

    shared = {"web", "shell", "terminal", "mcp"}  # what several protocols stand on, or is one of another's
    folders = {path.parts[1] for path in under("ingress", ".py") if len(path.parts) > 2}
    assert set(PROTOCOLS) == folders - shared
    page = text(Path("docs/protocols.md"))
    for name in PROTOCOLS:
        assert re.search(rf"^## .*`{name}`", page, re.MULTILINE), (
            f"docs/protocols.md has no section on {name}"
        )


def test_every_setting_is_documented() -> None:
    """docs/configuration.md has every key of infra/config.py, each once, and no other."""
    listed = documented()
    assert sorted(listed) == sorted(set(listed))
    assert sorted(listed) == sorted(keys())


def test_the_page_of_events_is_current() -> None:
    """Run `make docs`."""
    assert events_page.PAGE.read_text() == events_page.render()


def test_links_of_the_documentation_lead_somewhere() -> None:
    dead = []
    for page in [*under("docs", ".md"), *under("changes", ".md"), Path("README.md"), Path("CONTRIBUTING.md")]:
        for target in re.findall(r"\]\(([^)#: ]+)(?:#[^)]*)?\)", text(page)):
            if not (ROOT / page.parent / target).exists():
                dead.append(f"{page}: {target}")
    assert dead == []


def test_every_target_of_the_makefile_explains_itself() -> None:
    makefile = text(Path("Makefile"))
    phony = set(re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    assert phony == explained


def test_ci_runs_what_the_readme_says() -> None:
    assert re.search(r"make .*\btest\b", text(Path(".ci/run")))
    for command in ("make demo", "make test"):
        assert command in text(Path("README.md"))


# What may not be called in the product, where it may after all, and why not.
FORBIDDEN = {
    "time.sleep": (("api/cli/",), "it stops the event loop: await an event or asyncio.sleep"),
    "print": (("api/cli/",), "only the command line talks to a terminal; others log"),
    "os.system": ((), "a shell reads its argument: use subprocess with a list"),
    "os._exit": (("processors/main.py",), "it skips every finally"),
    "eval": ((), "it runs what it is given"),
    "exec": ((), "it runs what it is given"),
    "datetime.utcnow": ((), "it has no time zone: infra.clock.now"),
    "datetime.now": (("infra/clock.py",), "the time is an argument: infra.clock.now at the edge"),
    "logging.basicConfig": (("infra/logs.py",), "infra/logs.py sets up logging"),
    "pickle.loads": ((), "it runs what it is given"),
}


@pytest.mark.parametrize("path", modules(), ids=str)
def test_nothing_forbidden_is_called(path: Path) -> None:
    found = [
        f"{path}:{line}: {name}: {FORBIDDEN[name][1]}"
        for line, name in calls(path)
        if name in FORBIDDEN and not str(path).startswith(FORBIDDEN[name][0] or "\0")
    ]
    assert found == []


def test_no_unfinished_work() -> None:
    """What is missing is said in an issue or in docs/, not left in the code."""
    words = re.compile(
        r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|NotImplemented" + r"Error|pytest\.(?:skip|mark\.skip)"
    )
    found = [
        f"{path}:{number}"
        for path in under("", ".py")
        for number, line in enumerate(text(path).splitlines(), 1)
        if words.search(line)
    ]
    assert found == []


def test_no_package_registry_and_no_path_of_a_machine_is_named() -> None:
    """They differ from one user to the next: tools know their registries. uv.lock alone has to say."""
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("maven", "org"), ("apache", "org/maven")]
    hosts += [("npmjs", "org"), ("golang", "org"), ("crates", "io"), ("debian", "org")]
    words = [".".join(host) for host in hosts] + ["/".join(("", "root", "")), "/".join(("", "work", "main"))]
    pattern = re.compile("|".join(map(re.escape, words)))
    found = []
    for path in tracked():
        if path.name == "uv.lock":
            continue
        content = (ROOT / path).read_bytes().decode(errors="replace")
        found += [f"{path}: {match}" for match in pattern.findall(content)]
    assert found == []


@pytest.mark.parametrize("version", versions())
def test_a_released_schema_is_never_broken(version: int) -> None:
    """Events of that version are on users' disks: see support/released.py."""
    assert list(breaks(records(AVRO / "released" / str(version)), records(AVRO))) == []


def test_no_other_distribution_takes_our_names() -> None:
    """Top-level packages with plain names: a dependency of the same name would be imported instead."""
    owners = packages_distributions()
    assert {
        name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"countersign-gateway"}
    } == {}


def test_the_wheel_ships_all_and_nothing_else(tmp_path: Path) -> None:
    """Templates, queries and schemas go with the code; nothing but our packages takes a top-level name."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        shipped = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in shipped} == set(PACKAGES)
    assert {str(path) for package in PACKAGES for path in under(package)} - shipped == set()
