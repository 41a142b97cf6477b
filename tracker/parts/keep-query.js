/** Keeps the query's keys that `data-keep-query` names as part of the path, in the order of that list. */
export default ({ data, gate, list, path }) =>
  gate(5, (event) => {
    const url = new URL(event.u);
    const kept = list(data.keepQuery).flatMap((key) =>
      url.searchParams.getAll(key).map((value) => `${key}=${encodeURIComponent(value)}`),
    );
    list(data.keepQuery).forEach((key) => url.searchParams.delete(key));
    if (kept[0]) event.u = path(url, `${url.pathname}?${kept.join("&")}`);
  });
