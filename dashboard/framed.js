/**
 * Whether this page is shown in a frame of a page of another site.
 */
export function isFramedElsewhere() {
  if (window.top === window) return false;
  try {
    return window.top.location.origin !== location.origin;
  } catch {
    // A page of another site tells nothing of itself.
    return true;
  }
}
