"""``mallard query``: runs one SQL statement over events and visits."""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from mallard.bootstrap.logs import set_up_logs
from mallard.bootstrap.query_engine import open_query_engine
from mallard.bootstrap.queue import open_local_queue
from mallard.bootstrap.sql_queries import open_sql
from mallard.bootstrap.store import open_store
from mallard.cli.options import config_option, read_date, site_id
from mallard.cli.output_file import STANDARD_OUTPUT, open_output
from mallard.cli.text_table import text_table
from mallard.config import Settings, load_settings
from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.pending_events import LocalPending
from mallard.engine.omitted_files import noting
from mallard.engine.sql_query import SqlQuery
from mallard.errors import ConfigError, QueryError, QueryTooLongError, TransferError
from mallard.normalize.strict_json import fault_in
from mallard.reports.query_explanation import answer_explained, explanation_text
from mallard.reports.query_runner import QueryRunner
from mallard.reports.sql_report import SQL_FORMATS, sql_bytes
from mallard.reports.standard_reports import Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.query_body import read_body, read_body_site
from mallard.table.reader import known_sites

BINARY = ("parquet", "arrow")


def add_to(commands: Any) -> None:
    """Register the command."""
    command = commands.add_parser(
        "query",
        parents=[config_option()],
        help="run SQL over events and visits",
        description="Run one SELECT in DuckDB's SQL over the tables `events` and `visits` of all sites, pending events "
        "included. It reads only.",
    )
    command.add_argument("sql", metavar="SQL", nargs="?", help="the statement")
    command.add_argument(
        "--explain",
        metavar="BODY",
        help="instead of SQL: the way a query of POST /api/v2/query is counted; BODY is its JSON, or a file with it",
    )
    command.add_argument("--site", type=site_id, help="read this site only (default: all)")
    command.add_argument("--start", type=read_date, metavar="DATE", help="first date, YYYY-MM-DD (default: the first)")
    command.add_argument("--end", type=read_date, metavar="DATE", help="the date after the last (default: all)")
    command.add_argument(
        "--format",
        choices=SQL_FORMATS,
        help="default: by the file name, else a table on a terminal and CSV elsewhere",
    )
    command.add_argument("--output", default=STANDARD_OUTPUT, metavar="FILE", help="default: the standard output")
    command.add_argument("--force", action="store_true", help="replace FILE where it exists")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the rows, or an explanation; a wrong statement or query is an error of usage."""
    if (arguments.sql is None) == (arguments.explain is None):
        raise ConfigError("Give one statement of SQL, or --explain with the body of a query.")
    if arguments.explain is not None:
        return _explain(arguments)
    output = arguments.output
    is_terminal = output == STANDARD_OUTPUT and sys.stdout.isatty()
    form = arguments.format or _format_of(output)
    if form in BINARY and is_terminal:
        raise ConfigError(f"{form} cannot be written to a terminal; use --output FILE.")
    if arguments.start and arguments.end and arguments.start >= arguments.end:
        raise ConfigError(f"--end is {arguments.end}, but must be after --start {arguments.start}.")
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    rows = _rows(settings, arguments)
    if form is None and is_terminal:
        print(text_table(rows))
        return 0
    with open_output(output, force=arguments.force) as file:
        file.write(sql_bytes(rows, form or "csv"))
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    given = _read_body(arguments.explain)
    settings = load_settings(config_file=arguments.config)
    set_up_logs(settings)
    with ExitStack() as stack:
        engine, _ = _open(settings, stack)
        now = datetime.now(UTC)
        try:
            body = read_body(given, now, engine.zones(read_body_site(given)))
            with _time_limit(settings.query_seconds):
                runner = QueryRunner(Stats(engine, now))
                found = answer_explained(runner, body.query, body.query.filters, time.perf_counter)
        except QueryError as error:
            raise ConfigError(str(error)) from error
        print(explanation_text(found))
    return 0


def _read_body(text: str) -> Any:
    """The JSON that an argument is, or that its file has."""
    if not text.lstrip().startswith("{"):
        try:
            text = Path(text).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{text} cannot be read; --explain takes a file or JSON.") from error
    if fault := fault_in(text.encode()):
        raise ConfigError(fault)
    return json.loads(text)


def _rows(settings: Settings, arguments: argparse.Namespace) -> pa.Table:
    with ExitStack() as stack:
        engine, sites = _open(settings, stack)
        if arguments.site:
            if arguments.site not in sites():
                raise TransferError(f"The table has no events of {arguments.site}.")
            chosen = [arguments.site]
        else:
            chosen = sites()
        sql = open_sql(settings, lambda: engine, lambda: datetime.now(UTC))
        query = SqlQuery(arguments.sql, tuple(chosen), arguments.start, arguments.end)
        try:
            with noting() as omitted, _time_limit(settings.query_seconds):
                rows = sql.answer(query)
        except QueryError as error:
            raise ConfigError(str(error)) from error
        for each in sorted(omitted):
            print(f"{each.file} is damaged and left out; see `mallard doctor`.", file=sys.stderr)
        return rows


def _open(settings: Settings, stack: ExitStack) -> tuple[DuckDBEngine, Callable[[], list[str]]]:
    """The engine, over the local queue's events too, and the function that lists the sites."""
    store = open_store(settings)
    site_settings = SiteSettingsStore(store)
    pending: LocalPending | None = None
    if settings.queue == "local" and (Path(settings.data_dir) / "queue").is_dir():
        queue = open_local_queue(settings)
        stack.callback(queue.close)
        pending = LocalPending(queue, lambda site: site_settings.get(site).erased)
    engine = open_query_engine(
        settings, store, pending=pending.rows if pending else None, site_settings=site_settings, has_cache=False
    )
    stack.callback(engine.close)
    return engine, lambda: sorted({*known_sites(store), *(pending.sites() if pending else ())})


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    stop = Cancellation()
    timer = threading.Timer(seconds, stop.stop, (QueryTooLongError,))
    timer.daemon = True
    token = CURRENT.set(stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        CURRENT.reset(token)


def _format_of(output: str) -> str | None:
    suffix = Path(output).suffix.removeprefix(".").lower()
    return suffix if suffix in SQL_FORMATS else None
