/**
 * What this browser remembers between visits. Storage may be closed to us; then
 * nothing is remembered and nothing breaks.
 */

const PREFIX = "lectern.";

export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Private windows refuse; the choice then lasts as long as the page.
  }
}

export function recall(name, fallback = null) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? fallback;
  } catch {
    return fallback;
  }
}
