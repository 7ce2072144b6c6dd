/**
 * The reader: a document's text, with the passage and the word that are heard marked.
 * A plain click on any word starts there.
 *
 * data: {document, voice, size_rem, width_rem, face, state, block, request, play}
 * `play` is a token, new for each press of Listen: the document plays once for it.
 */

import { element, mounted } from "./dom.js";
import { engine } from "./engine.js";
import { buildText, charAt, rangeOf } from "./reader_text.js";
import { Saying } from "./reader_saying.js";
import { FollowScroll } from "./reader_scroll.js";

const WORD_HIGHLIGHT = "lectern-word";
/** A pointer that moved farther was selecting, not pointing. */
const STILL_PX = 6;

class Reader {
  #spans = [];
  #current = null;
  #shown = null; // what the text on the page was built from
  #pointerDown = null;
  #state = null;
  #request = null;
  #data = null; // as it was given last
  #leave = null;

  constructor(parent) {
    this.root = parent;
    this.message = element("p", { class: "message", role: "status", hidden: true });
    this.host = element("article", { class: "reader", "aria-label": "Text" });
    parent.append(this.message, this.host);
    this.saying = new Saying(parent, this.host);
    this.highlight = globalThis.Highlight ? new Highlight() : null;
    this.scroll = new FollowScroll(this.host, {
      away: () => engine.wantsPlay && engine.setFollowing(false),
      target: () => this.#spans[engine.index],
    });
    this.host.addEventListener("pointerdown", (event) => (this.#pointerDown = event));
    this.host.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Streamlit gave new data, or mounted the view again. */
  apply(data) {
    if (!data?.document) return;
    this.#data = data;
    this.#style(data);
    this.#attach();
    const isOther = this.#state !== null && data.state !== undefined && data.state !== this.#state;
    const isOpen = engine.document?.id === data.document;
    this.#state = data.state ?? null;
    if (isOpen && isOther) engine.voiceWanted = data.voice ?? null;
    const opened = isOpen && isOther ? engine.reload() : engine.open(data.document, data);
    engine.playRequests.ask(data.document, data.play);
    opened.then(() => data === this.#data && this.#goTo(data));
    this.#draw();
  }

  #style({ size_rem: size, width_rem: width, face }) {
    const { style, classList } = this.host;
    style.setProperty("--size", `${size || 1.18}rem`);
    style.setProperty("--width", `${width || 40}rem`);
    classList.toggle("sans", face === "sans");
  }

  /** Jump where the page asks, once for each request. */
  #goTo({ block, request }) {
    if (block === undefined || block === null || request === this.#request) return;
    this.#request = request;
    engine.setFollowing(true);
    engine.jump(block);
  }

  #attach() {
    if (this.#leave) return;
    if (this.highlight) CSS.highlights.set(WORD_HIGHLIGHT, this.highlight);
    this.scroll.attach();
    this.saying.attach();
    const removers = [
      engine.on("document", () => this.#draw()),
      engine.on("state", () => this.#say()),
      engine.on("block", () => this.#markBlock()),
      engine.on("word", () => this.#markWord()),
      engine.on("follow", () => engine.following && this.#bring()),
      engine.addReader(),
    ];
    this.#leave = () => removers.forEach((remove) => remove());
  }

  detach() {
    this.#leave?.();
    this.#leave = null;
    this.scroll.detach();
    this.saying.detach();
    this.highlight?.clear();
  }

  /** Build the text, unless what is on the page is still right. */
  #draw() {
    const { document: shown } = engine;
    const signature = shown && JSON.stringify([shown.id, shown.version, shown.state, shown.policy]);
    if (signature === this.#shown) return this.#markBlock();
    this.#shown = signature;
    this.#current = null;
    this.#spans = [];
    if (!shown) return this.host.replaceChildren();
    const { fragment, spans } = buildText(shown);
    this.#spans = spans;
    this.host.lang = shown.language ?? "";
    this.host.replaceChildren(fragment);
    this.#say();
    return this.#markBlock();
  }

  #say() {
    const text = openingWords();
    this.message.hidden = !text;
    if (this.message.textContent !== text) this.message.textContent = text;
  }

  #markBlock() {
    const span = this.#spans[engine.index] ?? null;
    if (span === this.#current) return;
    this.#mark(this.#current, false);
    this.#current = span;
    this.#mark(span, true);
    this.#markWord();
    if (engine.following) this.#bring();
  }

  #mark(span, isHere) {
    if (!span) return;
    span.classList.toggle("here", isHere);
    span.closest(".paragraph").classList.toggle("here", isHere);
    if (isHere) span.setAttribute("aria-current", "true");
    else span.removeAttribute("aria-current");
  }

  #markWord() {
    if (!this.highlight) return;
    this.highlight.clear();
    const word = this.#current && engine.shownWord;
    const range = word ? rangeOf(this.#current, ...word) : null;
    if (range) this.highlight.add(range);
  }

  #bring() {
    if (this.#current?.isConnected) this.scroll.bring(this.#current);
  }

  #clicked(event) {
    const down = this.#pointerDown;
    const moved = down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY);
    if (event.button || moved > STILL_PX || event.target.closest("a") || this.#hasSelection()) return;
    const span = event.target.closest(".block") ?? event.target.closest(".single")?.querySelector(".block");
    if (!span) return;
    const shownChar = this.#charUnder(event, span);
    engine.setFollowing(true);
    engine.jump(Number(span.dataset.block), { shownChar, play: true });
  }

  #hasSelection() {
    const selection = this.host.getRootNode().getSelection?.() ?? getSelection();
    return selection !== null && !selection.isCollapsed;
  }

  #charUnder({ clientX, clientY }, span) {
    const root = this.host.getRootNode();
    const shadowRoots = root instanceof ShadowRoot ? [root] : [];
    const caret = document.caretPositionFromPoint?.(clientX, clientY, { shadowRoots });
    if (caret) return charAt(span, caret.offsetNode, caret.offset);
    const range = document.caretRangeFromPoint?.(clientX, clientY);
    return range ? charAt(span, range.startContainer, range.startOffset) : null;
  }
}

/** Return what stands in the text's place while there is none. */
function openingWords() {
  const { state, error, preparing, document: shown } = engine;
  if (shown?.blocks.length) return "";
  if (state === "opening") return "Opening…";
  if (state === "failed") return error.message;
  if (state !== "preparing") return "";
  return `${preparing?.message || preparing?.step || "Preparing the document"}…`;
}

export default function reader({ data, parentElement }) {
  const view = mounted(parentElement, (parent) => new Reader(parent));
  view.apply(data);
  return () => view.detach();
}
