"""What the kernel is asked to do for an idle connection."""

import socket

from ingress.channel import keep_alive


def test_the_peer_of_an_idle_connection_is_probed_before_it_is_forgotten() -> None:
    with socket.socket() as sock:
        keep_alive(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, every, count = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
    assert idle <= 120, "what forgets connections on the way does so after minutes"
    assert idle + every * count <= 300
