/**
 * The outline: chapters with the time at which they begin, the one that is heard
 * marked, and the listener's bookmarks.
 */

import { button, element, mounted } from "./dom.js";
import { engine } from "./engine.js";
import { clock, duration } from "./format.js";

class Outline {
  #items = [];
  #current = null;
  #marks = [];
  #leave = null;

  constructor(parent) {
    this.chapters = element("ol", { class: "chapters" });
    this.nav = element(
      "nav",
      { class: "outline", "aria-label": "Outline" },
      element("h2", { text: "Outline" }),
      this.chapters,
    );
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
        engine.on("voiced", () => this.#writeTimes()),
      ];
      this.#leave = () => removers.forEach((remove) => remove());
    }
    this.draw();
  }

  detach() {
    this.#leave?.();
    this.#leave = null;
  }

  draw() {
    const chapters = engine.document?.chapters ?? [];
    this.#items = chapters.map((chapter) => chapterItem(chapter));
    this.chapters.replaceChildren(...this.#items.map((item) => item.node));
    this.nav.hidden = chapters.length === 0;
    this.#current = null;
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

  /** At once, as the bar does: both tell times of the same durations. */
  #writeTimes() {
    if (!engine.timeline) return;
    for (const { chapter, time } of this.#items) {
      writeTime(time, engine.timeline.startMs(chapter.i));
    }
    for (const { bookmark, time } of this.#marks) {
      writeTime(time, engine.timeline.startMs(bookmark.block) + bookmark.offset_ms);
    }
  }

  #drawBookmarks() {
    const list = engine.document ? engine.bookmarks.list : [];
    this.bookmarks.hidden = list.length === 0;
    this.#marks = list.map((bookmark) => bookmarkItem(bookmark));
    this.bookmarkList.replaceChildren(...this.#marks.map((mark) => mark.node));
    this.#writeTimes();
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

function writeTime(node, ms) {
  const shown = clock(ms / 1000);
  if (node.textContent === shown) return;
  node.textContent = shown;
  node.setAttribute("aria-label", `at ${duration(ms / 1000)}`);
}

function bookmarkItem(bookmark) {
  const time = element("span", { class: "time" });
  const label = bookmark.label || "Bookmark";
  const press = element(
    "button",
    { type: "button", class: "entry" },
    element("span", { class: "title", text: label, dir: "auto" }),
    time,
  );
  press.addEventListener("click", () => goTo(bookmark.block, bookmark.offset_ms));
  const remove = button({
    label: `Remove the bookmark “${label}”`,
    face: "close",
    className: "remove",
    onClick: () => engine.removeBookmark(bookmark.id),
  });
  return { bookmark, time, node: element("li", {}, press, remove) };
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
