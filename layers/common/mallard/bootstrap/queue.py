"""Opens the queue by the settings."""

from pathlib import Path
from typing import TYPE_CHECKING

from mallard.config import Settings
from mallard.queue.base import Queue

if TYPE_CHECKING:
    from mallard.queue.local import LocalQueue


def open_local_queue(settings: Settings) -> "LocalQueue":
    """The durable queue in the data folder."""
    # Imported here: a function never pays for SQLite.
    from mallard.queue.local import LocalQueue

    return LocalQueue(
        Path(settings.data_dir) / "queue" / "queue.sqlite",
        most_bytes=settings.queue_max_mb << 20,
        least_free_bytes=settings.min_free_mb << 20,
    )


def open_queue(settings: Settings) -> Queue:
    """The local queue, or SQS where the setting is a URL."""
    if settings.queue == "local":
        return open_local_queue(settings)
    # Imported here: a laptop without AWS never pays for boto3.
    from mallard.queue.sqs import connect

    return connect(settings.queue, region=settings.s3_region)
