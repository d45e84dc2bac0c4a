"""What the gateway signs in to targets with: where it comes from, and how long it lives.

- `secrets.py`: a stored secret, wherever it is: the environment, a file, `vault.py`, `kubernetes.py`.
- `leases.py`: credentials that are made for one session: who asks, how long, given back.
  A protocol, or Vault's database engine (`vault.py`), supplies how one is made.
- `account.py`: a name and a password at a target.
- `errors.py`: what a client is told when there is none.

Nothing here keeps a secret longer than half a minute, and no error holds one.
"""

from infra.credentials.account import Account
from infra.credentials.errors import CredentialUnavailable
from infra.credentials.leases import Asker, Leases, Maker
from infra.credentials.secrets import Secrets, secrets_of

__all__ = ["Account", "Asker", "CredentialUnavailable", "Leases", "Maker", "Secrets", "secrets_of"]
