/**
 * The settings, whose modules are fetched when somebody goes there: most visits are to look at numbers.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { Failure } from "./failure.js";

export function SettingsPlace(props) {
  const [{ Settings, error }, setLoaded] = useState({});
  useEffect(() => {
    import("../settings/settings.js").then(setLoaded, () =>
      setLoaded({ error: new Error("The settings could not be loaded.") }),
    );
  }, []);
  if (Settings) return html`<${Settings} ...${props} />`;
  // A module that failed once is failed for good in this page: only a new load helps.
  if (error) return html`<${Failure} errors=${[error]} pending=${false} onRetry=${() => location.reload()} />`;
  return html`<h1 class="unseen">Settings</h1>`;
}
