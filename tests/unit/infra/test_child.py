import subprocess
import sys
import textwrap

from support.wait import block_until


def test_a_child_ends_with_a_parent_that_was_killed() -> None:
    script = textwrap.dedent("""
        import subprocess, sys
        from infra.child import dying_with_us
        child = subprocess.Popen(["sleep", "600"], preexec_fn=dying_with_us(), start_new_session=True)
        print(child.pid, flush=True)
        sys.stdin.read()
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        child = int(parent.stdout.readline())
        assert _is_alive(child)
        parent.kill()
        parent.wait(10)
        block_until(lambda: not _is_alive(child), seconds=10, what="the child's end")


def _is_alive(pid: int) -> bool:
    """Running, and not merely waiting for somebody to ask how it ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
