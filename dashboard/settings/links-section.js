/**
 * Shared links: making one, and all that there are.
 */
import { html } from "../vendor/htm-preact.js";
import { useState } from "../vendor/preact-hooks.js";
import { getLinks, revokeLink } from "../access.js";
import { useResource } from "../use-resource.js";
import { Confirm } from "./confirm.js";
import { LinkForm } from "./link-form.js";
import { LinkRow } from "./link-row.js";
import { Rows } from "./rows.js";

/** @param {{ route: import("../url.js").Route, ids: string[] }} props */
export function LinksSection({ route, ids }) {
  const [tick, setTick] = useState(0);
  const [made, setMade] = useState(null);
  const [ending, setEnding] = useState(null);
  const links = useResource("/api/links", getLinks, { tick });
  const reload = () => setTick((old) => old + 1);
  const show = (link) => {
    setMade(link.slug);
    reload();
  };
  return html`
    <section class="panel section" aria-labelledby="links-heading">
      <h2 id="links-heading" tabindex="-1">Shared links</h2>
      <p>Whoever has a link sees the numbers of its site, and nothing else, until you revoke it.</p>
      <${Rows}
        list=${links}
        label="Shared links"
        test="links"
        nothing="There are no links yet."
        onRetry=${reload}
        row=${(link) => html`<${LinkRow}
          key=${link.slug}
          link=${link}
          isNew=${link.slug === made}
          onRevoke=${() => setEnding(link)}
        />`}
      />
    </section>
    <section class="panel section" aria-labelledby="new-link-heading">
      <h2 id="new-link-heading">Make a link</h2>
      <${LinkForm} key=${made} route=${route} ids=${ids} onMade=${show} />
    </section>
    ${ending &&
    html`<${Confirm}
      title=${`Revoke “${ending.name}”?`}
      action="Revoke"
      back="links-heading"
      onYes=${() => revokeLink(ending.slug).then(reload)}
      onClose=${() => setEnding(null)}
    >
      Whoever has this link sees nothing any more. There is no way back, but you can make another one.
    <//>`}
  `;
}
