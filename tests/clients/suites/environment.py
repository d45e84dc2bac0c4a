"""The suites' own Python environment and their sources, as the package registry has them, by hash."""

import subprocess
import tarfile
from pathlib import Path

from support.repository import ROOT

_HERE = Path(__file__).parent
_FOLDER = ROOT / ".tools" / "suites"
_UV = ROOT / ".tools" / "uv" / "bin" / "uv"


def python() -> Path:
    """The interpreter with all of requirements.txt. Raises CalledProcessError."""
    venv = _FOLDER / "venv"
    if not (venv / "bin" / "python").exists():
        subprocess.run([_UV, "venv", "--quiet", venv], check=True)
    interpreter = venv / "bin" / "python"
    requirements = _HERE / "requirements.txt"
    install = ("pip", "sync", "--quiet", "--require-hashes", "--python", interpreter, requirements)
    subprocess.run([_UV, *install], check=True)
    return interpreter


def sources(interpreter: Path) -> Path:
    """The folder of the unpacked source distributions of sources.txt. Raises CalledProcessError."""
    archives, unpacked = _FOLDER / "archives", _FOLDER / "sources"
    wanted = (_HERE / "sources.txt").read_text()
    done = unpacked / ".done"
    if done.exists() and done.read_text() == wanted:
        return unpacked
    names = ",".join(line.split("==")[0] for line in wanted.splitlines())
    fetch = ("download", "--quiet", "--no-deps", "--no-binary", names, "--require-hashes")
    where = ("--dest", archives, "--requirement", _HERE / "sources.txt")
    subprocess.run([interpreter, "-m", "pip", *fetch, *where], check=True)
    for archive in archives.glob("*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(unpacked, filter="data")
    done.write_text(wanted)
    return unpacked
