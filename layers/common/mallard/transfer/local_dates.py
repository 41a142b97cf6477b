"""The local date of each row: that of its moment in the zone of its site, as ingest would say."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mallard.event import to_ms
from mallard.sites.time_zone import UTC_DAYS, SiteZones

EPOCH = date(1970, 1, 1)


def in_local_dates(rows: pa.Table, zones_of: Callable[[str], SiteZones]) -> pa.Table:
    """Rows with ``site_id``, ``timestamp`` and, in ``date``, its date in UTC: the same with the sites' own dates."""
    dates = rows["date"].cast(pa.int32()).to_numpy().copy()
    moments = rows["timestamp"].cast(pa.int64()).to_numpy()
    for site_id in rows["site_id"].unique().to_pylist():
        zones = zones_of(site_id)
        if zones != UTC_DAYS:
            mine = pc.equal(rows["site_id"], site_id).to_numpy()
            dates[mine] = _local(dates[mine], moments[mine], zones)
    column = pa.array(dates, pa.int32()).cast(pa.date32())
    return rows.set_column(rows.column_names.index("date"), "date", column)


def _local(dates: Any, moments: Any, zones: SiteZones) -> Any:
    """Days since 1970 of moments in ms, whose UTC days are ``dates``: a local date is at most one away."""
    first, last = int(dates.min()) - 1, int(dates.max()) + 1
    starts = [to_ms(zones.day_start(EPOCH + timedelta(days=day))) for day in range(first, last + 1)]
    return first + np.searchsorted(starts, moments, side="right") - 1
