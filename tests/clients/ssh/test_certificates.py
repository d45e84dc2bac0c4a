"""Certificates at the host: the gateway's own, and the host's."""

from support.sshd import Client, Sshd


def test_the_authority_is_a_public_key(authority: str) -> None:
    assert authority.startswith("ssh-ed25519 AAAA")
    assert authority.endswith(" countersign-ca\n")


async def test_the_gateway_signs_in_by_certificate(authority: str, client: Client, sshd: Sshd) -> None:
    assert (await client.run("echo in", resource="certified")).stdout == "in\n"
    assert "ID agent-7/" in sshd.log.read_text()


async def test_a_certificate_is_good_from_where_it_says(authority: str, client: Client, sshd: Sshd) -> None:
    argv = ["ssh", "-o", "LogLevel=INFO", *client.options("from-elsewhere"), "127.0.0.1", "true"]
    assert "it does not take the gateway's credential" in (await client.run_any(argv)).stderr
    assert "not from a permitted source address" in sshd.log.read_text()


async def test_a_host_of_another_authority_is_refused(client: Client) -> None:
    argv = ["ssh", "-o", "LogLevel=INFO", *client.options("another-authority"), "127.0.0.1", "true"]
    assert "its host key is not the one in the configuration" in (await client.run_any(argv)).stderr
