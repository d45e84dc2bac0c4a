import asyncio
import os
import sys
from pathlib import Path

import pytest

from infra.filelock import alone, take


async def test_a_held_lock_is_not_given_again(tmp_path: Path) -> None:
    with await take(tmp_path / "lock"), pytest.raises(TimeoutError):
        await take(tmp_path / "lock", 0.1)
    (await take(tmp_path / "lock", 0.1)).close()


async def test_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    inside: list[int] = []

    async def work(number: int) -> None:
        async with alone(tmp_path / "lock"):
            inside.append(number)
            await asyncio.sleep(0)
            assert inside == [number]
            inside.clear()

    await asyncio.gather(*(work(number) for number in range(5)))


async def test_a_lock_is_held_as_long_as_a_child_that_inherited_it(tmp_path: Path) -> None:
    lock = await take(tmp_path / "lock")
    reading, writing = os.pipe()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"import os; os.read({reading}, 1)"), pass_fds=(lock.fileno(), reading)
    )
    lock.close()
    try:
        with pytest.raises(TimeoutError):
            await take(tmp_path / "lock", 0.1)
    finally:
        os.write(writing, b".")
        await child.wait()
        os.close(reading)
        os.close(writing)
    (await take(tmp_path / "lock", 0.1)).close()


async def test_the_file_of_a_process_that_is_gone_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345\n")
    (await take(tmp_path / "lock", 0.1)).close()
