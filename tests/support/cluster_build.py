"""Builds the real parts of a cluster, once, into the cache: kube-apiserver, etcd, and a stub kubelet that
runs what is exec'd as commands of this machine. Cold it takes some 7 minutes on 2 cores; Go must be there.

    PYTHONPATH=tests python -P -m support.cluster_build
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from infra.kafka.jars import cache_folder

_KUBERNETES = "v1.36.3"
_STAGING = "v0.36.3"  # its libraries, which are modules of their own
_SOURCES = Path(__file__).parent / "cluster_parts"
# Each program and the modules it is made of; Go resolves the rest from theirs.
_PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "etcd": {"go.etcd.io/etcd/server/v3": "v3.7.3"},
    "stubkubelet": {
        "github.com/creack/pty": "v1.1.24",
        "k8s.io/cri-streaming": "v0.36.1",
        "k8s.io/utils": "v0.0.0-20260210185600-b8788abfbbc2",
    },
    "apiserver": {"k8s.io/kubernetes": _KUBERNETES},
}


def programs() -> Path:
    """The folder with the programs `etcd`, `stubkubelet` and `apiserver`, built where they are not yet."""
    folder = cache_folder() / f"cluster-{_KUBERNETES}-{_fingerprint()}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, modules in _PROGRAMS.items():
            if not (folder / name).exists():
                _build(name, modules, folder)
    return folder


def _fingerprint() -> str:
    """Of what is built, so that another recipe has another folder."""
    hashed = hashlib.sha256(json.dumps(_PROGRAMS, sort_keys=True).encode())
    for path in sorted(_SOURCES.rglob("*.go")):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()[:12]


def _build(name: str, modules: Mapping[str, str], folder: Path) -> None:
    began = time.monotonic()
    _say(f"building {name} …")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        shutil.copy(_SOURCES / name / "main.go", place)
        _go(place, "mod", "init", f"example.test/{name}")
        _go(place, "mod", "edit", *(f"-require={module}@{version}" for module, version in modules.items()))
        if name == "apiserver":
            # Its own go.mod takes these from a folder beside it.
            _go(place, "mod", "edit", *(f"-replace={one}={one}@{_STAGING}" for one in _staging(place)))
        _go(place, "mod", "tidy")
        _go(place, "build", "-ldflags", "-s -w", "-trimpath", "-o", "program", ".")
        shutil.copy(place / "program", folder / f"{name}.new")
    (folder / f"{name}.new").rename(folder / name)
    _say(f"{name} is built, in {time.monotonic() - began:.0f} s")


def _staging(place: Path) -> list[str]:
    """The modules that Kubernetes keeps in its own repository."""
    said = _go(place, "mod", "download", "-json", f"k8s.io/kubernetes@{_KUBERNETES}")
    described = json.loads(_go(place, "mod", "edit", "-json", json.loads(said)["GoMod"]))
    replaced = [entry["Old"]["Path"] for entry in described.get("Replace") or ()]
    local = [entry["Path"] for entry in described["Require"] if entry["Version"] == "v0.0.0"]
    return replaced or local


def _go(place: Path, *arguments: str) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        ["go", *arguments], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"go {' '.join(arguments[:2])}: {done.stderr[-4000:]}")
    return done.stdout


def _say(text: str) -> None:
    sys.stderr.write(f"cluster: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    _say(f"ready in {programs()}")
