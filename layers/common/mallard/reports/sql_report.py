"""Answers of SQL queries as files."""

import io

import pyarrow as pa

from mallard.errors import QueryError
from mallard.reports.report_export import Download
from mallard.transfer.formats.plain_columns import parquet_columns, plain_columns
from mallard.transfer.formats.writers import SQL_MEDIA_TYPES, sql_writer

SQL_FORMATS = tuple(SQL_MEDIA_TYPES)


def sql_bytes(rows: pa.Table, form: str) -> bytes:
    """The rows in one of SQL_FORMATS. QueryError where it has no place for some type."""
    file = io.BytesIO()
    try:
        table = _of_format(rows, form)
        writer = sql_writer(form, file, table.schema)
        for batch in table.to_batches():
            writer.write(batch)
        writer.finish()
    except pa.ArrowException as error:
        kinds = ", ".join(sorted({str(field.type) for field in rows.schema}))
        raise QueryError(f"format {form} cannot hold the result, of {kinds[:200]}; cast columns to VARCHAR.") from error
    return file.getvalue()


def _of_format(rows: pa.Table, form: str) -> pa.Table:
    if form == "parquet":
        return parquet_columns(rows)
    return rows if form == "arrow" else plain_columns(rows, nested=form == "json")


def sql_download(rows: pa.Table, form: str) -> Download:
    """The same as a file to send."""
    return Download(f"query.{form}", SQL_MEDIA_TYPES[form], iter((sql_bytes(rows, form),)))
