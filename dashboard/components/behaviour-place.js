/**
 * The reports of behaviour, whose modules are fetched when somebody looks at them.
 */
import { html } from "../vendor/htm-preact.js";
import { useEffect, useState } from "../vendor/preact-hooks.js";
import { Failure } from "./failure.js";

export function BehaviourPlace(props) {
  const [{ Behaviour, error }, setLoaded] = useState({});
  useEffect(() => {
    import("../behaviour/behaviour.js").then(setLoaded, () =>
      setLoaded({ error: new Error("The reports of behaviour could not be loaded.") }),
    );
  }, []);
  if (Behaviour) return html`<${Behaviour} ...${props} />`;
  // A module that failed once is failed for good in this page: only a new load helps.
  if (error) return html`<${Failure} errors=${[error]} pending=${false} onRetry=${() => location.reload()} />`;
  return null;
}
