/**
 * The outline: chapters with the time at which they begin, the one that is heard
 * marked, and the listener's bookmarks.
 */

import { button, element, mounted } from "./dom.js";
import { engine } from "./engine.js";
import { clock, duration } from "./format.js";

/** Times are written again at most this often while durations become known. */
const TIMES_EVERY_MS = 2000;

class Outline {
  #items = [];
  #current = null;
  #timesTimer = 0;
  #leave = null;

  constructor(parent) {
    this.chapters = element("ol", { class: "chapters" });
    this.nav = element("nav", { class: "outline", "aria-label": "Outline" }, this.chapters);
    this.bookmarkList = element("ol", { class: "bookmarks" });
    this.bookmarks = element(
      "section",
      { class: "outline", "aria-label": "Bookmarks", hidden: true },
      element("h2", { text: "Bookmarks" }),
      this.bookmarkList,
    );
    parent.append(this.nav, this.bookmarks);
  }

  attach() {
    if (!this.#leave) {
      const removers = [
        engine.on("document", () => this.draw()),
        engine.on("chapter", () => this.#mark()),
        engine.on("bookmarks", () => this.#drawBookmarks()),
        engine.on("voiced", () => this.#timesSoon()),
      ];
      this.#leave = () => removers.forEach((remove) => remove());
    }
    this.draw();
  }

  detach() {
    clearTimeout(this.#timesTimer);
    this.#timesTimer = 0;
    this.#leave?.();
    this.#leave = null;
  }

  draw() {
    const chapters = engine.document?.chapters ?? [];
    this.#items = chapters.map((chapter) => chapterItem(chapter));
    this.chapters.replaceChildren(...this.#items.map((item) => item.node));
    this.nav.hidden = chapters.length === 0;
    this.#current = null;
    this.#writeTimes();
    this.#mark();
    this.#drawBookmarks();
  }

  #mark() {
    const item = this.#items[engine.chapterNumber] ?? null;
    if (item === this.#current) return;
    this.#current?.button.removeAttribute("aria-current");
    this.#current = item;
    item?.button.setAttribute("aria-current", "true");
    item?.button.scrollIntoView({ block: "nearest" });
  }

  #timesSoon() {
    if (this.#timesTimer) return;
    this.#timesTimer = setTimeout(() => {
      this.#timesTimer = 0;
      this.#writeTimes();
    }, TIMES_EVERY_MS);
  }

  #writeTimes() {
    for (const { chapter, time } of this.#items) {
      const seconds = engine.timeline.startMs(chapter.i) / 1000;
      time.textContent = clock(seconds);
      time.setAttribute("aria-label", `at ${duration(seconds)}`);
    }
  }

  #drawBookmarks() {
    const list = engine.document ? engine.bookmarks.list : [];
    this.bookmarks.hidden = list.length === 0;
    this.bookmarkList.replaceChildren(...list.map((bookmark) => bookmarkItem(bookmark)));
  }
}

function chapterItem(chapter) {
  const time = element("span", { class: "time" });
  const title = element("span", { class: "title", text: chapter.t || "Untitled", dir: "auto" });
  const press = element("button", { type: "button", class: "entry" }, title, time);
  press.style.setProperty("--level", Math.min(4, Math.max(1, chapter.l || 1)));
  press.dataset.level = chapter.l || 1;
  press.addEventListener("click", () => goTo(chapter.i, 0));
  return { chapter, time, button: press, node: element("li", {}, press) };
}

function bookmarkItem(bookmark) {
  const startMs = engine.timeline.startMs(bookmark.block) + bookmark.offset_ms;
  const label = bookmark.label || "Bookmark";
  const press = element(
    "button",
    { type: "button", class: "entry" },
    element("span", { class: "title", text: label, dir: "auto" }),
    element("span", { class: "time", text: clock(startMs / 1000) }),
  );
  press.addEventListener("click", () => goTo(bookmark.block, bookmark.offset_ms));
  const remove = button({
    label: `Remove the bookmark “${label}”`,
    face: "close",
    className: "remove",
    onClick: () => engine.removeBookmark(bookmark.id),
  });
  return element("li", {}, press, remove);
}

function goTo(index, offsetMs) {
  engine.setFollowing(true);
  engine.jump(index, { offsetMs, play: true });
}

export default function outline({ parentElement }) {
  const view = mounted(parentElement, (parent) => new Outline(parent));
  view.attach();
  return () => view.detach();
}
