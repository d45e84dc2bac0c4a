"""SSH keys under the state folder: users' certificates are believed by their public halves."""

from pathlib import Path

from infra.ssh_keys import ssh_user_ca, ssh_user_cas


def test_users_certificates_are_believed_by_two_authorities_while_one_is_replaced(tmp_path: Path) -> None:
    first = ssh_user_ca(tmp_path).public_key().public_bytes_raw()
    assert [key.public_bytes_raw() for key in ssh_user_cas(tmp_path)] == [first]

    folder = tmp_path / "ssh"
    (folder / "user_ca.pub").rename(folder / "user_ca.old.pub")
    (folder / "user_ca").unlink()
    second = ssh_user_ca(tmp_path).public_key().public_bytes_raw()

    assert {key.public_bytes_raw() for key in ssh_user_cas(tmp_path)} == {first, second}
    assert second != first


def test_an_ingress_elsewhere_needs_the_public_half_alone(tmp_path: Path) -> None:
    authority = ssh_user_ca(tmp_path / "api").public_key().public_bytes_raw()
    folder = tmp_path / "ingress" / "ssh"
    folder.mkdir(parents=True)
    (folder / "user_ca.pub").write_bytes((tmp_path / "api" / "ssh" / "user_ca.pub").read_bytes())
    assert [key.public_bytes_raw() for key in ssh_user_cas(tmp_path / "ingress")] == [authority]
    assert not (folder / "user_ca").exists()
