from pathlib import Path

from typer.testing import CliRunner

from api.cli.topics import app, kept
from schemas.topics import COMMANDS, GRANTS, HEARTBEATS, LEDGER, TOPICS


def test_every_topic_is_listed_with_its_events() -> None:
    done = CliRunner(env={"COLUMNS": "250"}).invoke(app)
    assert done.exit_code == 0
    for topic in TOPICS:
        (line,) = (line for line in done.stdout.splitlines() if topic.name in line.split())
        assert str(topic.partitions) in line.split()
        assert all(event.__name__ in line for event in topic.events)


def test_how_long_events_are_kept_is_said_in_words() -> None:
    assert [kept(topic) for topic in (COMMANDS, GRANTS, LEDGER, HEARTBEATS)] == [
        "400 days",
        "compacted",
        "for ever",
        "6 hours",
    ]


def test_creating_them_where_nobody_answers_fails(tmp_path: Path) -> None:
    path = tmp_path / "countersign.yaml"
    path.write_text("gateway: {kafka: {bootstrap: '127.0.0.1:1'}}\n")
    done = CliRunner().invoke(app, ["--create", "--config", str(path)])
    assert done.exit_code == 1
    assert "cannot be created at 127.0.0.1:1" in done.stderr
