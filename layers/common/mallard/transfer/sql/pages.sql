-- Every address of a page, once.
SELECT DISTINCT lower(coalesce($site, nullif(site_id, ''))) AS site, url FROM lines WHERE url <> ''
