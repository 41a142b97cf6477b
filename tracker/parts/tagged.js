/**
 * Sends the event that `data-mallard-event` on an element names, at a click or for a form when it is submitted, with
 * `data-mallard-prop-…`, `data-mallard-revenue` and `data-mallard-currency`.
 */
export default ({ submit, click, mallard }) => {
  const PROP = "data-mallard-prop-";
  let busy;

  const tell = (element) => {
    // A click on a label is followed at once by one on its field: the visitor did one thing.
    if (busy == element) return;
    busy = element;
    setTimeout(() => {
      busy = 0;
    });
    const { mallardEvent, mallardRevenue, mallardCurrency } = element.dataset;
    const props = [...element.attributes]
      .filter(({ name }) => name.startsWith(PROP))
      .map(({ name, value }) => [name.slice(PROP.length), value]);
    mallard(mallardEvent, {
      props: props[0] && Object.fromEntries(props),
      revenue: mallardRevenue && +mallardRevenue,
      currency: mallardCurrency,
    });
  };

  click("[data-mallard-event]", (element) => element.matches("form") || tell(element));
  submit(({ target }) => target.matches("[data-mallard-event]") && tell(target));
};
