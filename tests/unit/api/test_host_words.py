"""Every kind of command on hosts and in clusters has its words."""

from api.host_words import KINDS
from ingress.kubernetes.words import STATEMENTS as OF_CLUSTERS
from ingress.ssh.words import STATEMENTS as OF_HOSTS


def test_every_kind_has_words_and_there_are_no_others() -> None:
    assert KINDS.keys() == OF_HOSTS | OF_CLUSTERS
