/**
 * What an API key may do, in words.
 */
export const SCOPES = [
  {
    id: "ReadOnly",
    label: "Read numbers",
    hint: "For reports of your own, or a spreadsheet. It changes nothing.",
  },
  {
    id: "Ingest",
    label: "Send events",
    hint: "For a server or an app that counts visits itself. It reads nothing.",
  },
  {
    id: "Admin",
    label: "Everything",
    hint: "Reads, sends, changes settings and erases. For all sites it also makes keys and links. Give it to nobody.",
  },
];

/** @param {string} scope */
export const scopeName = (scope) => SCOPES.find(({ id }) => id === scope)?.label ?? scope;
