"""The health endpoints of the query function, put together."""

from fastapi import APIRouter

from mallard.api.metrics_token import metrics_token
from mallard.api.routes.health_routes import health_routes
from mallard.auth.service import AuthService
from mallard.bootstrap.queue import open_queue
from mallard.config import Settings
from mallard.errors import ConfigError
from mallard.health.aws_source import AwsSource
from mallard.queue.base import Queue
from mallard.store.base import Store


def routes_of_functions(settings: Settings, store: Store, gate: AuthService) -> APIRouter:
    """The router. The queue is opened when somebody asks for its depth."""

    def queue() -> Queue:
        if settings.queue == "local":
            raise ConfigError("MALLARD_QUEUE names no queue that functions share.")
        return open_queue(settings)

    return health_routes(AwsSource(settings, store, gate, queue), gate, metrics_token(settings.metrics_token))
