"""Request schema of SQL queries, of the OpenAPI document only."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SqlRequest(BaseModel):
    """An SQL query: ``sql`` is one SELECT over the views ``events`` and ``visits``."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(examples=["SELECT date, count(*) AS visits FROM visits GROUP BY date ORDER BY date"])
    site_id: str | None = Field(None, description="The only site of the views. Default: all that the key may read.")
    start_date: str | None = Field(None, description="The first date of the views, as 2026-01-31. Default: the first.")
    end_date: str | None = Field(None, description="The date after the last of the views. Default: all.")
    format: Literal["json", "csv", "parquet", "arrow"] = "json"
