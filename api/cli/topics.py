"""`countersign topics`: what is kept where in Kafka."""

import asyncio
import sys
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli.config import DEFAULT, ConfigOption, load_config
from infra.kafka.address import kafka_address
from infra.kafka.topics import TopicsUnavailable, create_topics
from schemas.topics import TOPICS, Topic

app = typer.Typer(add_completion=False)


@app.command()
def topics(
    create: Annotated[bool, typer.Option("--create", help="Create those that are missing.")] = False,
    config: ConfigOption = DEFAULT,
) -> None:
    """Lists the topics with their partitions, how long events are kept, and the events; or creates them."""
    if create:
        address = kafka_address(load_config(config))
        try:
            asyncio.run(create_topics(address))
        except TopicsUnavailable as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        print(f"{address.bootstrap}: {len(TOPICS)} topics are there")
        return
    table = Table("topic", "partitions", "kept", "events", box=None)
    for topic in TOPICS:
        events = ", ".join(event.__name__ for event in topic.events)
        table.add_row(topic.name, str(topic.partitions), kept(topic), events)
    Console().print(table)


def kept(topic: Topic) -> str:
    """How long the events of a topic are kept, in words."""
    if topic.compacted:
        return "compacted"
    if topic.kept is None:
        return "for ever"
    hours = topic.kept // timedelta(hours=1)
    return f"{hours} hours" if hours < 48 else f"{topic.kept.days} days"
