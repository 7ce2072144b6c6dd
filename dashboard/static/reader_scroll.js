/**
 * Keeping the passage that is heard in view, until the reader scrolls away.
 */

import { reducedMotion, scrollerOf } from "./dom.js";

/** Scrolling that begins this soon after ours is taken for ours. */
const QUIET_MS = 900;
/** Farther than this many windows away, the page jumps and does not glide. */
const GLIDE_WINDOWS = 1.5;
const SCROLL_KEYS = new Set(["PageUp", "PageDown", "Home", "End"]);
/** Where the passage comes to rest: this far down the window. */
const REST_AT = 0.38;
/** The page's row of tools (page.css), whose wrapper is sticky. */
const PINNED = ".st-key-reader-tools";

/** Where the tools end that do not scroll away; 0 where there are none. */
function pinnedBottom() {
  const row = document.querySelector(PINNED)?.parentElement;
  const isPinned = row && getComputedStyle(row).position === "sticky";
  return isPinned ? row.getBoundingClientRect().bottom : 0;
}

export class FollowScroll {
  #scroller;
  #quietUntil = 0;
  #settling = 0;

  /** `away()` is called when the reader scrolls; `target()` gives what is heard. */
  constructor(host, { away, target }) {
    this.host = host;
    this.away = away;
    this.target = target;
  }

  attach() {
    this.#scroller = scrollerOf(this.host);
    const { signal } = (this.stop = new AbortController());
    const passive = { passive: true, signal };
    const on = (node, type, listener) => node.addEventListener(type, listener, passive);
    on(this.#scroller, "wheel", () => this.away());
    on(this.#scroller, "touchmove", () => this.away());
    on(window, "keydown", (event) => SCROLL_KEYS.has(event.key) && this.away());
    const scrolled = this.#isRoot ? document : this.#scroller;
    on(scrolled, "scroll", () => this.#scrolled());
  }

  detach() {
    this.stop?.abort();
    cancelAnimationFrame(this.#settling);
  }

  get #isRoot() {
    return this.#scroller === document.scrollingElement;
  }

  /** The scroll bar, or a search in the page, moved the window: not our doing. */
  #scrolled() {
    if (performance.now() < this.#quietUntil) return;
    const node = this.target();
    if (node && !this.#isInView(node.getBoundingClientRect())) this.away();
  }

  /** What of the window can be read: all below the row of tools that stays there. */
  #view() {
    const whole = this.#isRoot
      ? { top: 0, height: innerHeight }
      : this.#scroller.getBoundingClientRect();
    const covered = Math.min(Math.max(pinnedBottom() - whole.top, 0), whole.height / 2);
    return { top: whole.top + covered, height: whole.height - covered };
  }

  #isInView({ top, bottom }) {
    const view = this.#view();
    return bottom > view.top && top < view.top + view.height;
  }

  /** Bring an element to its place; far ones at once, near ones gliding. */
  bring(node) {
    const distance = this.#distance(node);
    if (Math.abs(distance) < 2) return;
    this.#quietUntil = performance.now() + QUIET_MS;
    const isNear = Math.abs(distance) < GLIDE_WINDOWS * this.#view().height;
    const behavior = isNear && !reducedMotion() ? "smooth" : "instant";
    this.#scroller.scrollBy({ top: distance, behavior });
    if (behavior === "instant") this.#settle(node);
  }

  #distance(node) {
    const view = this.#view();
    const { top, height } = node.getBoundingClientRect();
    const room = Math.max(0, view.height - height);
    return top - view.top - Math.min(view.height * REST_AT, room / 2);
  }

  /** After a jump, chunks get their true heights: correct for it, a few frames long. */
  #settle(node, frames = 3) {
    cancelAnimationFrame(this.#settling);
    this.#settling = requestAnimationFrame(() => {
      const distance = this.#distance(node);
      if (Math.abs(distance) > 2) {
        this.#quietUntil = performance.now() + QUIET_MS;
        this.#scroller.scrollBy({ top: distance, behavior: "instant" });
      }
      if (frames > 1) this.#settle(node, frames - 1);
    });
  }
}
