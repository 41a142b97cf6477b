/**
 * Sends nothing from a browser whose `localStorage` says `mallard_ignore` = `true`, as that of the site's own people.
 * The only part that reads the device's storage, and none writes it.
 */
export default ({ gate }) => gate(0, () => localStorage.mallard_ignore == "true");
