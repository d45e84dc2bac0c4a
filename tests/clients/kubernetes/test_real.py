"""What only a real cluster has: terminals, forwarded ports, tokens of service accounts, protobuf, server-side
rules. Run by `make test-kubernetes`."""

import asyncio
import json
import os
import pty
from pathlib import Path

import pytest
from support.cluster import PASSWORD, Cluster, kubectl

pytestmark = pytest.mark.xdist_group("kubernetes")


def test_a_terminal(configs: dict[str, Path], cluster: Cluster) -> None:
    ours, theirs = pty.openpty()
    found = kubectl(
        configs["open"], "exec", "-it", "web", "--", "sh", "-c", "tty; stty size; exit 3", stdin=theirs
    )
    os.close(ours)
    os.close(theirs)
    assert "/dev/pts/" in found.stdout
    assert found.returncode == 3


async def test_a_forwarded_port(configs: dict[str, Path], cluster: Cluster) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"you said " + await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", cluster.forwarded)
    environment = {"PATH": os.environ["PATH"], "HOME": str(configs["main"].parent)}
    forwarding = await asyncio.create_subprocess_exec(
        *("kubectl", "--kubeconfig", str(configs["main"]), "port-forward", "pod/web", ":8080"),
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        assert forwarding.stdout is not None
        line = (await asyncio.wait_for(forwarding.stdout.readline(), 30)).decode()
        port = int(line.split("127.0.0.1:")[1].split()[0])
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            assert await asyncio.wait_for(reader.read(), 30) == b"you said hello\n"
            writer.close()
    finally:
        forwarding.terminate()
        await forwarding.wait()
        server.close()


def test_a_service_account(cluster: Cluster, configs: dict[str, Path]) -> None:
    found = kubectl(configs["account"], "get", "pods", "-o", "name")
    assert found.returncode == 0, found.stderr
    assert "system:serviceaccount:dev:gateway" in {one.user for one in cluster.seen()}


def test_what_go_clients_create_in_protobuf(cluster: Cluster, configs: dict[str, Path]) -> None:
    created = kubectl(configs["main"], "create", "configmap", "packed", "--from-literal", "a=b")
    assert created.returncode == 0, created.stderr
    assert cluster.get("/api/v1/namespaces/dev/configmaps/packed")["data"] == {"a": "b"}
    assert kubectl(configs["main"], "auth", "can-i", "get", "pods").stdout.strip() == "yes"


def test_copying_a_file_out_of_a_pod_and_into_it(configs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("what is in it\n")
    found = kubectl(configs["open"], "cp", f"web:{tmp_path}/there.txt", str(tmp_path / "here.txt"))
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "here.txt").read_text() == "what is in it\n"


def test_a_secret_is_described_and_its_table_shown(configs: dict[str, Path]) -> None:
    assert "password:  8 bytes" in kubectl(configs["main"], "describe", "secret", "db").stdout
    assert "Opaque" in kubectl(configs["main"], "get", "secrets").stdout
    raw = kubectl(configs["main"], "get", "secrets", "-A", "-o", "json").stdout
    assert PASSWORD not in raw
    assert len(json.loads(raw)["items"]) == 4
