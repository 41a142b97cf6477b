/**
 * The settings: one section at a time, each of which asks for what it shows.
 */
import { html } from "../vendor/htm-preact.js";
import { RouteLink } from "../components/route-link.js";
import { SECTIONS } from "../url.js";
import { KeysSection } from "./keys-section.js";
import { LinksSection } from "./links-section.js";
import { PasswordSection } from "./password-section.js";
import { SitesSection } from "./sites-section.js";

/** @typedef {import("../url.js").Route} Route */

const PARTS = { sites: SitesSection, links: LinksSection, keys: KeysSection, password: PasswordSection };

/**
 * @param {object} props
 * @param {Route} props.route
 * @param {(change: Partial<Route>) => void} props.go
 * @param {import("../use-access.js").Access} props.access
 * @param {import("../use-resource.js").Resource<unknown>} props.sites
 * @param {string[]} props.ids of sites with events
 */
export function Settings({ route, go, access, sites, ids }) {
  const Section = PARTS[route.section];
  return html`
    <div class="settings" data-test="settings">
      <h1>Settings</h1>
      ${access.reader === "open" && html`<${OpenNote} />`}
      <nav aria-label="Settings">
        ${SECTIONS.map(
          ({ id, label }) => html`<${RouteLink}
            key=${id}
            route=${route}
            to=${{ section: id }}
            onGo=${go}
            aria-current=${id === route.section ? "page" : null}
          >
            ${label}
          <//>`,
        )}
      </nav>
      <div class="sections">
        <${Section} key=${route.section} route=${route} go=${go} access=${access} sites=${sites} ids=${ids} />
      </div>
    </div>
  `;
}

const OpenNote = () => html`
  <p class="failure" data-test="open-note">
    <span>
      <b>This server asks nobody for a password.</b> It runs with <code>MALLARD_AUTH=off</code>: whoever reaches it sees
      all numbers, changes all settings and can erase everything.
    </span>
  </p>
`;
