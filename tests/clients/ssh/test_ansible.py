"""An Ansible playbook through the gateway, unchanged: what it does at the host is a command each."""

import json
import os
from pathlib import Path

from support.builders import AGENT
from support.gateway import Gateway
from support.sshd import Client, Sshd

ANSIBLE = Path(__file__).parents[3] / ".tools" / "ansible"  # infra/setup.sh test brings it
PLAYBOOK = """\
- hosts: web
  gather_facts: false
  tasks:
    - name: a module, which is sent and run
      ansible.builtin.copy: {{content: "said by {{{{ who }}}}\\n", dest: "{files}/open/ansible"}}
    - name: a command
      ansible.builtin.command: cat {files}/open/ansible
      register: said
      changed_when: false
    - ansible.builtin.assert: {{that: said.stdout == "said by ansible"}}
"""


async def test_a_playbook(client: Client, gateway: Gateway, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK.format(files=sshd.files))
    host = {
        "ansible_host": "127.0.0.1",
        "ansible_port": client.port,
        "ansible_user": f"{AGENT.name}:plain",
        "ansible_password": AGENT.token,
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={client.known_hosts}",
        "ansible_remote_tmp": f"{sshd.files}/open/.ansible",
        "who": "ansible",
    }
    inventory = {"all": {"children": {"web": {"hosts": {"web-1": host}}}}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    done = await client.run_any(
        ["ansible-playbook", "-i", str(tmp_path / "inventory.json"), str(tmp_path / "play.yml")],
        env={
            "PATH": f"{ANSIBLE}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ANSIBLE),
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "ANSIBLE_SSH_PASSWORD_MECHANISM": "ssh_askpass",
            "ANSIBLE_NOCOLOR": "1",
        },
        cwd=tmp_path,
        seconds=120,
    )
    assert done.status == 0, done.stdout + done.stderr
    assert "ok=3" in done.stdout
    assert "changed=1" in done.stdout
    assert (sshd.files / "open" / "ansible").read_text() == "said by ansible\n"
