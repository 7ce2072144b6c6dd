/**
 * The progress track: what is played, what can be heard already, and a slider over it.
 *
 * Drawn as shapes that CSS colours, so that a change of theme needs no redrawing; per
 * step only one transform and one number change.
 */

import { element } from "./dom.js";
import { engine } from "./engine.js";
import { clock, duration } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
/** Width of the drawing; voiced stretches are merged to this many columns. */
const COLUMNS = 2000;
/** With more blocks than this, gaps between them would be all there is to see. */
const MOST_GAPS = 120;
const DRAW_EVERY_MS = 300;
const ARROW_MS = 10_000;
const PAGE_MS = 60_000;

export class Track {
  #isDragging = false;
  #drawTimer = 0;

  constructor() {
    this.voiced = shape("voiced");
    this.gaps = shape("gaps");
    this.played = element("div", { class: "played" });
    this.hint = element("output", { class: "hint", hidden: true, "aria-hidden": "true" });
    this.slider = this.#newSlider();
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${COLUMNS} 1`);
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    drawing.append(this.voiced, this.gaps);
    const groove = element("div", { class: "groove" }, drawing, this.played);
    this.node = element("div", { class: "track" }, groove, this.slider, this.hint);
  }

  #newSlider() {
    const slider = element("input", {
      type: "range", class: "slider", min: 0, step: 1, "aria-label": "Position",
    });
    const done = () => (this.#isDragging = false);
    slider.addEventListener("pointerdown", () => (this.#isDragging = true));
    slider.addEventListener("pointermove", (event) => this.#hover(event));
    slider.addEventListener("pointerleave", () => (this.hint.hidden = true));
    slider.addEventListener("pointercancel", done);
    slider.addEventListener("change", () => {
      done();
      engine.seekTo(Number(slider.value) * 1000);
    });
    slider.addEventListener("keydown", (event) => this.#pressed(event));
    return slider;
  }

  /** Arrows move by as much as everywhere else, not by the slider's own step. */
  #pressed(event) {
    const moves = {
      ArrowLeft: -ARROW_MS, ArrowRight: ARROW_MS, ArrowDown: -ARROW_MS, ArrowUp: ARROW_MS,
      PageDown: -PAGE_MS, PageUp: PAGE_MS, Home: -Infinity, End: Infinity,
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const { totalMs } = engine.timeline;
    engine.seekTo(Math.max(0, Math.min(totalMs, engine.elapsedMs + move)));
  }

  #hover(event) {
    const { timeline } = engine;
    if (!timeline || event.pointerType === "touch") return;
    const { left, width } = this.slider.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - left) / width));
    const ms = share * timeline.totalMs;
    const chapter = timeline.chapters[timeline.chapterOf(timeline.at(ms).index)];
    this.hint.textContent = [clock(ms / 1000), chapter?.t].filter(Boolean).join(" · ");
    this.hint.hidden = false;
    const half = this.hint.offsetWidth / 2;
    const middle = Math.max(half, Math.min(width - half, share * width));
    this.hint.style.translate = `${middle - half}px`;
  }

  /** Show where the listener is. */
  move() {
    const { timeline, elapsedMs } = engine;
    const totalMs = timeline?.totalMs ?? 0;
    this.played.style.scale = `${totalMs ? Math.min(1, elapsedMs / totalMs) : 0} 1`;
    this.slider.max = Math.max(1, Math.ceil(totalMs / 1000));
    if (!this.#isDragging) this.slider.value = Math.round(elapsedMs / 1000);
    this.slider.setAttribute(
      "aria-valuetext",
      `${duration(elapsedMs / 1000)} of ${duration(totalMs / 1000)}`,
    );
  }

  /** Draw what can be heard; at once, or soon when many blocks come in a row. */
  draw() {
    if (this.#drawTimer) return;
    this.#drawNow();
    this.#drawTimer = setTimeout(() => {
      this.#drawTimer = 0;
      this.#drawNow();
    }, DRAW_EVERY_MS);
  }

  #drawNow() {
    const { timeline } = engine;
    const isDrawable = timeline && timeline.totalMs > 0;
    this.voiced.setAttribute("d", isDrawable ? voicedPath(timeline) : "");
    this.gaps.setAttribute("d", isDrawable && timeline.length <= MOST_GAPS ? gapsPath(timeline) : "");
    this.move();
  }
}

function shape(name) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", name);
  return path;
}

/** Return the voiced stretches as one path, neighbours joined. */
function voicedPath(timeline) {
  const scale = COLUMNS / timeline.totalMs;
  const parts = [];
  let from = null;
  let to = 0;
  for (let i = timeline.spokenFrom(0); i >= 0; i = timeline.spokenFrom(i + 1)) {
    if (!engine.isVoiced(i)) continue;
    const start = Math.floor(timeline.startMs(i) * scale);
    const end = Math.ceil((timeline.startMs(i) + timeline.durationMs(i)) * scale);
    if (from !== null && start > to) {
      parts.push(`M${from} 0H${to}V1H${from}z`);
      from = null;
    }
    from ??= start;
    to = end;
  }
  if (from !== null) parts.push(`M${from} 0H${to}V1H${from}z`);
  return parts.join("");
}

function gapsPath(timeline) {
  const scale = COLUMNS / timeline.totalMs;
  let path = "";
  for (let i = timeline.spokenFrom(1); i > 0; i = timeline.spokenFrom(i + 1)) {
    path += `M${(timeline.startMs(i) * scale).toFixed(1)} 0v1`;
  }
  return path;
}
