"""Builds the health endpoints by the settings."""

from fastapi import APIRouter

from mallard.api.metrics_token import metrics_token
from mallard.api.routes.health_routes import health_routes
from mallard.auth.service import AuthService
from mallard.bootstrap.queue import open_queue
from mallard.config import Settings
from mallard.errors import ConfigError
from mallard.health.aws_source import AwsSource
from mallard.health.source import HealthSource
from mallard.queue.base import Queue
from mallard.store.base import Store


def open_health_routes(settings: Settings, source: HealthSource, auth: AuthService) -> APIRouter:
    """The router over a source of health data."""
    return health_routes(source, auth, metrics_token(settings.metrics_token))


def open_aws_source(settings: Settings, store: Store, auth: AuthService) -> AwsSource:
    """The source of the query function. The queue is opened when its depth is requested."""

    def queue() -> Queue:
        if settings.queue == "local":
            raise ConfigError("MALLARD_QUEUE names no queue that functions share.")
        return open_queue(settings)

    return AwsSource(store=store, auth=auth, open_queue=queue, filter_bots=settings.filter_bots)
