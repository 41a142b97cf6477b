// Sends nothing from pages that data-exclude names, as in /admin/**,/private/*; nor says that a visitor came from there.
export default ({ data, gate, match }) =>
  gate(3, (event) => {
    if (match(data.exclude, event.r)) event.r = null;
    return match(data.exclude, event.u);
  });
