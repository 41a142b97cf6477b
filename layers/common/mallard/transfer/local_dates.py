"""Local dates of rows: the date of the timestamp in the site's time zone."""

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
    """The rows with the sites' local dates in ``date``, which holds the UTC date before."""
    dates = rows["date"].cast(pa.int32()).to_numpy().copy()
    moments = rows["timestamp"].cast(pa.int64()).to_numpy()
    for site_id in rows["site_id"].unique().to_pylist():
        zones = zones_of(site_id)
        if zones != UTC_DAYS:
            of_site = pc.equal(rows["site_id"], site_id).to_numpy()
            dates[of_site] = _local(dates[of_site], moments[of_site], zones)
    column = pa.array(dates, pa.int32()).cast(pa.date32())
    return rows.set_column(rows.column_names.index("date"), "date", column)


def _local(dates: Any, moments: Any, zones: SiteZones) -> Any:
    """Days since 1970 of moments in ms, whose UTC days are ``dates``: a local date is at most one away."""
    first, last = int(dates.min()) - 1, int(dates.max()) + 1
    starts = [to_ms(zones.day_start(EPOCH + timedelta(days=day))) for day in range(first, last + 1)]
    return first + np.searchsorted(starts, moments, side="right") - 1
