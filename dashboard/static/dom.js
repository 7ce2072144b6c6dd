/**
 * Building the page: elements, icons, labelled buttons, and mounting a view once.
 *
 * Text reaches the page only as text nodes; nothing here takes HTML.
 */

/**
 * Return a new element.
 *
 * `properties` are set as attributes; `class`, `text` and `on` (a map of listeners)
 * mean what they say; null, undefined and false leave an attribute out.
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "on") listen(node, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function listen(node, listeners) {
  for (const [type, listener] of Object.entries(listeners)) {
    node.addEventListener(type, listener);
  }
}

const SVG = "http://www.w3.org/2000/svg";

/** Each icon is drawn in a 24 × 24 box: filled shapes, or lines when it has `line`. */
const ICONS = {
  play: { d: "M8 5.2v13.6c0 .6.7 1 1.2.7l10.3-6.8a.8.8 0 0 0 0-1.4L9.2 4.5c-.5-.3-1.2 0-1.2.7z" },
  pause: { d: "M7 5h3.4v14H7zM13.6 5H17v14h-3.4z" },
  previous: { d: "M6 6h2.2v12H6zM18 6.6v10.8c0 .5-.6.8-1 .5l-7-5.4a.6.6 0 0 1 0-1l7-5.4c.4-.3 1 0 1 .5z" },
  next: { d: "M15.8 6H18v12h-2.2zM6 6.6v10.8c0 .5.6.8 1 .5l7-5.4a.6.6 0 0 0 0-1L7 6.1c-.4-.3-1 0-1 .5z" },
  moon: { d: "M20 14.6A8.4 8.4 0 0 1 9.4 4a8.4 8.4 0 1 0 10.6 10.6z" },
  bookmark: { line: true, d: "M7 4.5h10v15l-5-3.6-5 3.6z" },
  bookmarked: { d: "M6.2 3.7h11.6v17.2L12 16.8l-5.8 4.1z" },
  loud: { d: "M4 9.6v4.8h3.2l4.8 4V5.6l-4.8 4zM14.4 8.6v6.8a3.8 3.8 0 0 0 0-6.8zM14.4 4.9v1.9a5.5 5.5 0 0 1 0 10.4v1.9a7.3 7.3 0 0 0 0-14.2z" },
  muted: { d: "M4 9.6v4.8h3.2l4.8 4V5.6l-4.8 4zM20.4 10.2l-1.2-1.2-1.9 1.9L15.4 9l-1.2 1.2 1.9 1.8-1.9 1.8 1.2 1.2 1.9-1.9 1.9 1.9 1.2-1.2-1.9-1.8z" },
  keyboard: { line: true, d: "M3.5 6.5h17v11h-17zM7 10h.01M10.3 10h.01M13.7 10h.01M17 10h.01M7 13.9h10" },
  close: { line: true, d: "M6.5 6.5l11 11M17.5 6.5l-11 11" },
  down: { line: true, d: "M12 5v13M6.5 12.8 12 18.4l5.5-5.6" },
  up: { line: true, d: "M12 19V6M6.5 11.2 12 5.6l5.5 5.6" },
  upload: { line: true, d: "M12 15.5V4.8M7.6 9 12 4.6 16.4 9M4.8 14.5v4.7h14.4v-4.7" },
  page: { line: true, d: "M7 3.8h7l4 4v12.4H7zM14 3.8v4h4M9.8 12.2h5M9.8 15.6h5" },
  check: { line: true, d: "M5.5 12.6l4.2 4.2 8.8-9.4" },
  warning: { line: true, d: "M12 4.4 21 19.6H3zM12 10v4.4M12 17h.01" },
  retry: { line: true, d: "M19 12a7 7 0 1 1-2.3-5.2M19 4.2v3.9h-3.9" },
};

/** Return an icon by name, hidden from screen readers: its button has the label. */
export function icon(name) {
  const { d, line } = ICONS[name];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", line ? "icon line" : "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

/**
 * Return a button whose face is an icon or a short text.
 *
 * `label` is what it does, `keys` the shortcut shown beside it.
 */
export function button({ label, face, keys, className = "", onClick }) {
  const title = keys ? `${label} (${keys})` : label;
  const shown = face in ICONS ? icon(face) : element("span", { text: face });
  return element(
    "button",
    { type: "button", class: className, "aria-label": label, title, on: { click: onClick } },
    shown,
  );
}

/** Change what a button shows and says. */
export function relabel(node, { label, face, keys }) {
  if (label !== undefined) {
    node.setAttribute("aria-label", label);
    node.title = keys ? `${label} (${keys})` : label;
  }
  if (face !== undefined && node.dataset.face !== face) {
    node.dataset.face = face;
    node.replaceChildren(face in ICONS ? icon(face) : element("span", { text: face }));
  }
}

const views = new WeakMap();

/**
 * Return the view that lives in `parent`, building it the first time.
 *
 * Streamlit calls a component again on the same element whenever its data changes;
 * a view must survive that.
 */
export function mounted(parent, build) {
  if (!views.has(parent)) {
    // After an upgrade another version of this module may have built here before.
    parent.lecternNodes?.forEach((node) => node.remove());
    const before = new Set(parent.childNodes);
    views.set(parent, build(parent));
    parent.lecternNodes = [...parent.childNodes].filter((node) => !before.has(node));
  }
  return views.get(parent);
}

/** Return the nearest ancestor that scrolls, looking through shadow roots. */
export function scrollerOf(node) {
  for (let at = node; at; at = parentAcross(at)) {
    if (!(at instanceof Element)) continue;
    const overflow = getComputedStyle(at).overflowY;
    if (overflow === "auto" || overflow === "scroll") return at;
  }
  return document.scrollingElement ?? document.documentElement;
}

function parentAcross(node) {
  return node.assignedSlot ?? node.parentNode ?? (node instanceof ShadowRoot ? node.host : null);
}

/** Whether the person asked for less movement. */
export function reducedMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
