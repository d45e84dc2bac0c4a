"""Programs with a language of their own: what of it is proven, and what it does.

- `editing.py`: sed, awk. `archives.py`: dd, tar. `transfers.py`: git, rsync, curl, wget.
- `system.py`: systemctl, ps, ip. `finding.py`: find.

READERS: name -> a function of its arguments and the findings. `find` alone starts programs.
"""

from collections.abc import Callable, Mapping

from ingress.shell.findings import Findings
from ingress.shell.readers.archives import dd, tar
from ingress.shell.readers.editing import awk, sed
from ingress.shell.readers.finding import find
from ingress.shell.readers.system import ip, ps, systemctl
from ingress.shell.readers.transfers import curl, git, git_receive_pack, git_upload_pack, rsync, wget
from ingress.shell.script import Word

__all__ = ["READERS", "find"]

Reader = Callable[[tuple[Word, ...], Findings], None]

READERS: Mapping[str, Reader] = {
    "sed": sed,
    "awk": awk,
    "gawk": awk,
    "mawk": awk,
    "dd": dd,
    "tar": tar,
    "git": git,
    "git-upload-pack": git_upload_pack,
    "git-receive-pack": git_receive_pack,
    "rsync": rsync,
    "curl": curl,
    "wget": wget,
    "systemctl": systemctl,
    "ps": ps,
    "ip": ip,
}
