/**
 * "Say it otherwise…": select words in the text, write how they are to be said, and
 * hear it. What was chosen becomes a rule of the filter "Pronunciations".
 *
 * Shown in the browser's top layer, beside the selection; a plain click is not ours.
 */

import { documentPath, sendJson } from "./api.js";
import { element } from "./dom.js";
import { engine } from "./engine.js";
import { charAt } from "./reader_text.js";

const SETTLE_MS = 250;
const MOST_CHARS = 120;
const GAP_PX = 8;
const WORD = /[\p{L}\p{M}\p{N}_’']/u;

export class Saying {
  #host;
  #timer = 0;
  #chosen = null; // {words, block, char}
  #leave = null;

  constructor(parent, host) {
    this.#host = host;
    this.#build();
    parent.append(this.panel);
  }

  #build() {
    this.offer = element("button", {
      type: "button",
      class: "offer",
      text: "Say it otherwise…",
      on: { click: () => this.#ask() },
    });
    this.label = element("label", { for: "saying-words" });
    this.input = element("input", {
      id: "saying-words",
      type: "text",
      maxlength: 500,
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
    });
    this.everywhere = element("input", { type: "checkbox" });
    this.error = element("p", { class: "error", role: "alert", hidden: true });
    this.form = element(
      "form",
      { hidden: true, on: { submit: (event) => this.#save(event) } },
      this.label,
      this.input,
      element("label", { class: "check" }, this.everywhere, "In all my documents"),
      this.error,
      element(
        "div",
        { class: "row" },
        element("button", { type: "submit", class: "primary", text: "Save and hear" }),
        element("button", { type: "button", text: "Cancel", on: { click: () => this.hide() } }),
      ),
    );
    this.panel = element("div", { class: "saying", popover: "manual" }, this.offer, this.form);
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the player's keys are for listening
      if (event.key === "Escape") this.hide();
    });
    // A press on the button must not take the selection away before it is read.
    this.offer.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  attach() {
    if (this.#leave) return;
    const look = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#look(), SETTLE_MS);
    };
    const move = () => this.panel.matches(":popover-open") && this.form.hidden && this.hide();
    document.addEventListener("selectionchange", look);
    addEventListener("scroll", move, { capture: true, passive: true });
    const removeDocument = engine.on("document", () => this.form.hidden && this.hide());
    this.#leave = () => {
      document.removeEventListener("selectionchange", look);
      removeEventListener("scroll", move, { capture: true });
      removeDocument();
    };
  }

  detach() {
    clearTimeout(this.#timer);
    this.#leave?.();
    this.#leave = null;
    this.hide();
  }

  hide() {
    this.form.hidden = true;
    this.offer.hidden = false;
    if (this.panel.isConnected && this.panel.matches(":popover-open")) this.panel.hidePopover();
  }

  /** Offer to say otherwise what is selected; take the offer back with the selection. */
  #look() {
    if (!this.form.hidden || !this.panel.isConnected) return;
    const range = selectedRange(this.#host);
    this.#chosen = range && chosenWords(range);
    const box = range?.getBoundingClientRect();
    const isSeen = box && box.bottom > 0 && box.top < innerHeight;
    if (!this.#chosen || !isSeen) return this.hide();
    this.#show(box);
  }

  #show(box) {
    if (!this.panel.matches(":popover-open")) this.panel.showPopover();
    const { width, height } = this.panel.getBoundingClientRect();
    const below = box.bottom + GAP_PX;
    const top = below + height < innerHeight ? below : Math.max(GAP_PX, box.top - height - GAP_PX);
    const left = Math.min(box.left, innerWidth - width - GAP_PX);
    this.panel.style.left = `${Math.max(GAP_PX, left)}px`;
    this.panel.style.top = `${Math.max(GAP_PX, Math.min(top, innerHeight - height - GAP_PX))}px`;
  }

  #ask() {
    const box = this.panel.getBoundingClientRect();
    this.offer.hidden = true;
    this.form.hidden = false;
    this.error.hidden = true;
    this.label.textContent = `Say “${this.#chosen.words}” as`;
    this.input.value = saidOf(this.#chosen);
    this.#show({ left: box.left, top: box.top, bottom: box.top - GAP_PX });
    this.input.focus();
    this.input.select();
  }

  async #save(event) {
    event.preventDefault();
    const { words, block, char } = this.#chosen;
    const { id } = engine.document;
    const body = { words, say: this.input.value, everywhere: this.everywhere.checked };
    try {
      await sendJson("POST", documentPath(id, "sayings"), body);
    } catch (error) {
      this.error.textContent = error.message;
      this.error.hidden = false;
      return;
    }
    this.hide();
    getSelectionOf(this.#host)?.removeAllRanges();
    if (engine.document?.id !== id) return;
    await engine.reload();
    engine.setFollowing(true);
    engine.jump(block, { shownChar: char, play: true });
  }
}

/** Return how words are said by now: as a filter has it, or as they are written. */
function saidOf({ words, block, char }) {
  const marks = engine.document.blocks[block]?.s ?? [];
  const end = char + words.length;
  const said = marks.find(([first, last, kind]) => kind === "said" && first <= char && last >= end);
  return said?.[3] || words;
}

function getSelectionOf(host) {
  return host.getRootNode().getSelection?.() ?? document.getSelection();
}

function selectedRange(host) {
  const selection = getSelectionOf(host);
  if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  return host.contains(range.commonAncestorContainer) ? range : null;
}

/** Return the words of a range, whole ones, and where they stand; null for too much. */
function chosenWords(range) {
  const span = range.startContainer.parentElement?.closest(".block");
  if (!span) return null;
  let words = range.toString();
  let char = charAt(span, range.startContainer, range.startOffset);
  if (span.contains(range.endContainer) && words.trim()) {
    const shown = span.textContent;
    let start = shown.indexOf(words, Math.max(0, char - 1));
    let end = start + words.length;
    if (start >= 0) {
      if (WORD.test(shown[start])) while (start > 0 && WORD.test(shown[start - 1])) start -= 1;
      if (WORD.test(shown[end - 1])) while (end < shown.length && WORD.test(shown[end])) end += 1;
      words = shown.slice(start, end);
      char = start;
    }
  }
  words = words.replace(/\s+/g, " ").trim();
  if (!words || words.length > MOST_CHARS || !/[\p{L}\p{N}]/u.test(words)) return null;
  return { words, block: Number(span.dataset.block), char };
}
