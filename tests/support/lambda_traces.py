"""What handlers leave in this process is taken away again: their logger, and the event loop of the query function."""

import asyncio
import logging


def take_away() -> None:
    """After a test that called a handler."""
    logger = logging.getLogger("mallard")
    if handler := vars(logger).pop("powertools_handler", None):
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        for name in ("init", "powertools_buffer_config", "powertools_buffer_cache"):
            vars(logger).pop(name, None)
    loop = asyncio.get_event_loop_policy()._local._loop  # type: ignore[attr-defined]
    if loop is not None and not loop.is_running():
        loop.close()
        asyncio.set_event_loop(None)
