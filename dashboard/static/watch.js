/**
 * Asks now and then whether the session goes on; api.js leads to the sign-in when not.
 *
 * Streamlit's own pages only tell that the connection is lost.
 */
import { getJson } from "./api.js";

const EVERY_MS = 15000;

function look() {
  if (document.visibilityState === "visible") getJson("/api/session").catch(() => null);
}

// Once for the page, as a module is: it lives as long as the page does.
setInterval(look, EVERY_MS);
document.addEventListener("visibilitychange", look);

export default () => {};
