-- Each line as a row of the table, and what is wrong with it, if anything is.
WITH named AS (
    SELECT
        l.* REPLACE (
            -- Where empty text cannot be meant, it is the same as nothing.
            lower(coalesce($site, nullif(l.site_id, ''))) AS site_id,
            coalesce(nullif(l.hostname, ''), p.hostname) AS hostname,
            coalesce(l.pathname, p.pathname) AS pathname,
            nullif(l.referrer, '') AS referrer,
            nullif(l.referrer_source, '') AS referrer_source,
            nullif(l.channel, '') AS channel,
            coalesce(l.utm_source, p.utm_source) AS utm_source,
            coalesce(l.utm_medium, p.utm_medium) AS utm_medium,
            coalesce(l.utm_campaign, p.utm_campaign) AS utm_campaign,
            coalesce(l.utm_content, p.utm_content) AS utm_content,
            coalesce(l.utm_term, p.utm_term) AS utm_term,
            lower(nullif(l.device_type, '')) AS device_type,
            nullif(l.event_id, '') AS event_id,
            nullif(l.visitor_id, '') AS visitor_id,
            nullif(l.visitor, '') AS visitor,
            nullif(l.props, '') AS props,
            nullif(l.revenue_amount, '') AS revenue_amount,
            upper(nullif(l.revenue_currency, '')) AS revenue_currency,
            nullif(l.scroll_depth, '') AS scroll_depth,
            nullif(l.engagement_ms, '') AS engagement_ms,
            nullif(l.hour_order, '') AS hour_order,
            lower(nullif(l.interactive, '')) AS interactive
        ),
        CASE
            WHEN nullif(l.event_id, '') IS NULL
                -- Each cell with its column, and between them what no cell may hold: else a value could move to another column.
                THEN (
                    md5_number(
                        concat_ws(chr(0), lower(coalesce($site, nullif(l.site_id, ''))), '/' || $file, '#' || l.line, {cells})
                    ) >> 65
                )::BIGINT
        END AS hashed_id,
        {unfit} AS unfit,
        {given},
        p.named,
        p.click_id,
        p.problem AS url_problem
    FROM lines l
    LEFT JOIN pages p ON p.site = lower(coalesce($site, nullif(l.site_id, ''))) AND p.url = l.url
),
typed AS (
    SELECT
        n.* REPLACE (
            coalesce(n.hostname, n.site_id) AS hostname,
            CASE WHEN n.referrer_source IS NULL THEN o.referrer ELSE n.referrer END AS referrer,
            coalesce(n.referrer_source, o.referrer_source) AS referrer_source,
            coalesce(n.channel, o.channel) AS channel,
            CASE WHEN q.given IS NULL THEN n.props ELSE q.props END AS props,
            coalesce(
                n.device_type,
                CASE
                    WHEN regexp_full_match(n.screen_size, '[0-9]{{1,6}}') IS NOT TRUE THEN NULL
                    WHEN n.screen_size::INTEGER = 0 THEN NULL
                    WHEN n.screen_size::INTEGER < $mobile_below_px THEN 'mobile'
                    WHEN n.screen_size::INTEGER < $tablet_below_px THEN 'tablet'
                    ELSE 'desktop'
                END
            ) AS device_type
        ),
        q.problem AS props_problem,
        CASE WHEN a.given IS NOT NULL THEN a.amount ELSE try_cast(n.revenue_amount AS DECIMAL(12, 2)) END AS amount,
        CASE
            WHEN regexp_full_match(n.timestamp, '-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?') THEN
                -- 1e11 seconds are the year 5138, 1e11 milliseconds March 1973.
                CASE
                    WHEN abs(try_cast(n.timestamp AS DOUBLE)) < 1e11
                        THEN try_cast(floor(try_cast(n.timestamp AS DECIMAL(38, 6)) * 1000) AS BIGINT)
                    ELSE try_cast(floor(try_cast(n.timestamp AS DECIMAL(38, 6))) AS BIGINT)
                END
            WHEN regexp_full_match(
                n.timestamp,
                '\d{{4}}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d([.]\d+)?)?( ?([Zz]|[+-]\d\d(:?\d\d)?))?)?'
            ) THEN epoch_ms(try_cast(upper(n.timestamp) AS TIMESTAMPTZ))
        END AS ms
    FROM named n
    -- A row with a channel and no referrer was understood before: no source is what it came from.
    LEFT JOIN origins o
        ON (n.channel IS NULL OR (n.referrer_source IS NULL AND n.referrer IS NOT NULL))
        AND o.site IS NOT DISTINCT FROM n.site_id
        AND o.hostname IS NOT DISTINCT FROM n.hostname
        AND o.given IS NOT DISTINCT FROM n.referrer
        AND o.utm_source IS NOT DISTINCT FROM n.utm_source
        AND o.utm_medium IS NOT DISTINCT FROM n.utm_medium
        AND o.utm_campaign IS NOT DISTINCT FROM n.utm_campaign
        AND o.named IS NOT DISTINCT FROM n.named
        AND o.click_id IS NOT DISTINCT FROM n.click_id
    LEFT JOIN neat q ON q.given = n.props
    LEFT JOIN amounts a ON a.given = n.revenue_amount
)
SELECT
    line,
    CASE
        WHEN event_name IS NULL THEN 'event_name is missing.'
        WHEN trim(event_name) = '' THEN 'event_name is empty.'
        WHEN timestamp IS NULL OR timestamp = '' THEN 'timestamp is missing.'
        WHEN ms IS NULL
            THEN 'timestamp is ' || shown(timestamp) || ', but must be like 2026-01-31T12:00:00Z, or seconds or milliseconds since 1970.'
        WHEN ms < 0 OR ms > $latest_ms THEN 'timestamp is ' || shown(timestamp) || ', which is before 1970 or in the future.'
        WHEN site_id IS NULL THEN 'site_id is missing, and no site is named for all rows.'
        WHEN NOT regexp_full_match(site_id, '[a-z0-9._:-]{{1,200}}') OR trim(site_id, '.') = ''
            THEN 'site_id is ' || shown(site_id) || ', but may hold only ASCII letters, digits and . - _ :, at most 200.'
        WHEN length(site_id) + 2 * (length(site_id) - length(replace(site_id, ':', ''))) > $max_folder_bytes
            THEN 'site_id has too many colons for its length.'
        WHEN unfit IS NOT NULL THEN unfit
        WHEN url_problem IS NOT NULL THEN url_problem
        WHEN event_id IS NOT NULL AND (NOT regexp_full_match(event_id, '[0-9]{{1,19}}') OR try_cast(event_id AS BIGINT) IS NULL)
            THEN 'event_id is ' || shown(event_id) || ', but must be a whole number of at most 63 bits.'
        WHEN visitor_id IS NOT NULL AND (NOT regexp_full_match(visitor_id, '[0-9]{{1,19}}') OR try_cast(visitor_id AS BIGINT) IS NULL)
            THEN 'visitor_id is ' || shown(visitor_id) || ', but must be a whole number of at most 63 bits; any text may stand in visitor.'
        WHEN device_type NOT IN ('desktop', 'mobile', 'tablet')
            THEN 'device_type is ' || shown(device_type) || ', but must be desktop, mobile or tablet.'
        WHEN props_problem IS NOT NULL THEN props_problem
        WHEN revenue_amount IS NOT NULL AND amount IS NULL
            THEN 'revenue_amount is ' || shown(revenue_amount) || ', but must be a number below 10000000000 either way.'
        WHEN revenue_currency IS NOT NULL AND NOT regexp_full_match(revenue_currency, '[A-Z]{{3}}')
            THEN 'revenue_currency is ' || shown(revenue_currency) || ', but must be an ISO 4217 code such as EUR.'
        WHEN scroll_depth IS NOT NULL AND NOT (
            regexp_full_match(scroll_depth, '[0-9]{{1,3}}([.]0*)?') AND scroll_depth::DOUBLE <= 100
        ) THEN 'scroll_depth is ' || shown(scroll_depth) || ', but must be a whole number from 0 to 100.'
        WHEN engagement_ms IS NOT NULL AND NOT (
            regexp_full_match(engagement_ms, '[0-9]{{1,9}}([.]0*)?') AND engagement_ms::DOUBLE <= $max_engagement_ms
        ) THEN 'engagement_ms is ' || shown(engagement_ms) || ', but must be a whole number from 0 to ' || $max_engagement_ms || '.'
        WHEN hour_order IS NOT NULL AND NOT (
            regexp_full_match(hour_order, '[0-9]{{1,19}}') AND coalesce(try_cast(hour_order AS BIGINT) < 4611686018427387904, false)
        ) THEN 'hour_order is ' || shown(hour_order) || ', but must be a whole number of at most 62 bits, as exports have it.'
        WHEN interactive NOT IN ('true', 'false') THEN 'interactive is ' || shown(interactive) || ', but must be true or false.'
    END AS problem,
    site_id,
    CAST(make_timestamp_ms(CASE WHEN ms BETWEEN 0 AND $latest_ms THEN ms END) AS DATE) AS date,
    -- A visitor by name, and not by a day's salt, is the same one on other days.
    CASE WHEN visitor_id IS NULL THEN visitor IS NOT NULL ELSE $spans END AS spans_days,
    -- A hash stands for all that the file says of the row.
    event_id IS NULL AS named_by_client,
    -- The columns that a later version may fill in otherwise: they do not tell a row from what the table holds.
    CASE WHEN event_id IS NULL THEN 0 ELSE {filled} END::BIGINT AS filled,
    coalesce(try_cast(event_id AS BIGINT), hashed_id) AS event_id,
    CASE
        WHEN visitor_id IS NOT NULL THEN try_cast(visitor_id AS BIGINT)
        WHEN visitor IS NOT NULL
            THEN (('0x' || substr(sha256(site_id || '|' || visitor), 1, 16))::UBIGINT >> 1)::BIGINT
    END AS visitor_id,
    make_timestamp_ms(CASE WHEN ms BETWEEN 0 AND $latest_ms THEN ms END)::TIMESTAMP_MS AS timestamp,
    event_name,
    {texts},
    amount AS revenue_amount,
    revenue_currency,
    try_cast(scroll_depth AS SMALLINT) AS scroll_depth,
    try_cast(engagement_ms AS INTEGER) AS engagement_ms,
    try_cast(hour_order AS BIGINT) AS hour_order,
    -- Only what differs from a usual event is stored; page views and pings are usual.
    CASE WHEN interactive = 'false' AND event_name NOT IN ('pageview', 'engagement') THEN false END AS interactive
FROM typed
