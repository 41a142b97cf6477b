-- Every way to arrive whose source or channel is not given, once.
SELECT DISTINCT
    lower(coalesce($site, nullif(l.site_id, ''))) AS site,
    coalesce(nullif(l.hostname, ''), p.hostname) AS hostname,
    nullif(l.referrer, '') AS given,
    coalesce(l.utm_source, p.utm_source) AS utm_source,
    coalesce(l.utm_medium, p.utm_medium) AS utm_medium,
    coalesce(l.utm_campaign, p.utm_campaign) AS utm_campaign,
    p.named,
    p.click_id
FROM lines l
LEFT JOIN pages p ON p.site = lower(coalesce($site, nullif(l.site_id, ''))) AND p.url = l.url
WHERE
    nullif(l.channel, '') IS NULL
    OR (nullif(l.referrer_source, '') IS NULL AND l.referrer <> '')
