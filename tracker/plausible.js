/**
 * Makes the script answer to Plausible's names: `window.plausible` with the calls of its stub and the options of its
 * `init`, `event-…` attributes, classes `plausible-event-name=…`, and parts by the words of the file's name.
 *
 * @param {HTMLScriptElement} tag the script's, or `<head>`
 * @param {Object<string, (kit: object) => void>} parts of ours, by Plausible's words
 * @returns {((kit: object) => void)[]} the parts to start
 */
export default (tag, parts) => {
  const NAMES = { outbound: "Outbound Link: Click", download: "File Download", form: "Form: Submission" };
  const OPTIONS = { "outbound-links": "outboundLinks", "file-downloads": "fileDownloads", forms: "formSubmissions" };
  const CLASS = "plausible-event-";
  const words = `${tag.src}`.split("/").pop().split(".");
  const data = tag.dataset;
  let given = {};

  const init = (options) => {
    given = options || {};
    if (given.endpoint) data.api = given.endpoint;
    if (given.captureOnLocalhost || words.includes("local")) data.local = "";
  };
  init(window.plausible?.o);
  data.domain ||= location.hostname.replace(/^www\./, "");

  const names = ({ gate, click, submit, mallard }) => {
    const calls = window.plausible?.q || [];
    window.plausible = (name, options) => mallard(name, options);
    window.plausible.init = init;
    for (const call of calls) mallard(...call);

    gate(0, (event, options) => {
      if (options === 0 && given.autoCapturePageviews === false) return 1;
      const own = [...tag.attributes].filter(({ name }) => name.startsWith("event-"));
      const more = given.customProperties;
      const { revenue } = options || {};
      event.n = NAMES[event.n] || event.n;
      const p = {
        ...Object.fromEntries(own.map(({ name, value }) => [name.slice(6), value])),
        ...(more?.call ? more(event.n) : more),
        ...event.p,
      };
      if (Object.keys(p)[0]) event.p = p;
      event.u = options?.u || options?.url || event.u;
      if (revenue?.currency) Object.assign(event, { ra: revenue.amount, rc: revenue.currency });
    });

    // Names have + for spaces, and -- for = where a class must not have one.
    const tell = ({ classList }) => {
      const found = [...classList].flatMap((each) => {
        const [, key, value] = /^plausible-(?:event-)?(.+?)(?:=|--)(.+)$/.exec(each) || [];
        return key ? [[key, decodeURIComponent(value.replaceAll("+", " "))]] : [];
      });
      const { name, "revenue-amount": amount, "revenue-currency": currency, ...props } = Object.fromEntries(found);
      if (name) mallard(name, { props, revenue: amount && { amount, currency } });
    };
    const tagged = `[class*="${CLASS}name"]`;
    click(tagged, (element) => element.matches("form") || tell(element));
    submit(({ target }) => target.matches(tagged) && tell(target));
  };

  return [names, ...Object.keys(parts).filter((word) => words.includes(word) || given[OPTIONS[word]]).map((word) => parts[word])];
};
