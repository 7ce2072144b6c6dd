/**
 * The player bar at the foot of every page. It lives outside the pages, so that it and
 * the sound outlast them.
 */

import { HelpDialog, SleepMenu, VolumeMenu } from "./bar_menus.js";
import { Track } from "./bar_track.js";
import { button, element, mounted, relabel } from "./dom.js";
import { engine } from "./engine.js";
import { clock, duration, speed } from "./format.js";

const SPEEDS = [0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5];
const NOTICE_MS = 4000;

class Bar {
  #leave = null;
  #noticeTimer = 0;

  constructor(parent) {
    this.track = new Track();
    this.sleep = new SleepMenu();
    this.volume = new VolumeMenu();
    this.help = new HelpDialog();
    this.follow = element("button", { type: "button", class: "follow", text: "Back to the voice", hidden: true });
    this.follow.addEventListener("click", () => engine.setFollowing(true));
    this.spoken = element("p", { class: "unseen", role: "status" });
    this.bar = element(
      "section",
      { class: "bar", "aria-label": "Player" },
      this.follow, this.track.node, this.#about(), this.#controls(), this.#extras(), this.spoken,
      this.sleep.panel, this.volume.panel, this.help.dialog,
    );
    this.bar.addEventListener("click", letGoOfPointerFocus);
    parent.append(this.bar);
  }

  #about() {
    this.title = element("div", { class: "title", dir: "auto" });
    this.line = element("div", { class: "line", dir: "auto" });
    this.retry = element("button", { type: "button", class: "retry", text: "Try again", hidden: true });
    this.retry.addEventListener("click", () => engine.error?.retry?.());
    this.narrowTime = element("span", { class: "time narrow" });
    const second = element("div", { class: "second" }, this.narrowTime, this.line, this.retry);
    return element("div", { class: "about" }, this.title, second);
  }

  #controls() {
    const control = (label, face, keys, onClick) =>
      button({ label, face, keys, onClick, className: "round" });
    this.play = button({
      label: "Play", face: "play", keys: "Space", className: "round play", onClick: () => engine.toggle(),
    });
    return element(
      "div",
      { class: "controls", role: "group", "aria-label": "Playback" },
      control("Previous passage", "previous", "↑", () => engine.step(-1)),
      control("Back 10 seconds", "−10", "←", () => engine.skip(-10)),
      this.play,
      control("Forward 10 seconds", "+10", "→", () => engine.skip(10)),
      control("Next passage", "next", "↓", () => engine.step(1)),
    );
  }

  #extras() {
    this.time = element("span", { class: "time wide" });
    this.speed = element("select", { class: "speed", "aria-label": "Speed", title: "Speed ([ and ])" });
    this.speed.addEventListener("change", () => {
      engine.setRate(Number(this.speed.value));
      if (!this.speed.matches(":focus-visible")) this.speed.blur();
    });
    this.bookmark = button({
      label: "Bookmark this place", face: "bookmark", keys: "b", className: "round",
      onClick: () => engine.toggleBookmark(),
    });
    return element(
      "div",
      { class: "extras" },
      this.time, this.speed, this.bookmark, this.sleep.opener, this.volume.opener, this.help.opener,
    );
  }

  attach() {
    if (!this.#leave) {
      const on = (types, show) => types.map((type) => engine.on(type, () => show.call(this)));
      const removers = [
        ...on(["document", "state", "chapter"], this.#showState),
        ...on(["document", "voiced"], this.#drawTrack),
        ...on(["time", "block", "state", "rate", "position", "voiced", "document"], this.#showTime),
        ...on(["rate"], this.#showRate),
        ...on(["volume"], this.#showVolume),
        ...on(["sleep"], this.#showSleep),
        ...on(["bookmarks", "block", "document"], this.#showBookmark),
        ...on(["follow", "document"], this.#showFollow),
        engine.on("notice", (event) => this.#notice(event.detail)),
        engine.on("help", () => this.help.toggle()),
      ];
      this.#leave = () => removers.forEach((remove) => remove());
    }
    this.#showAll();
  }

  detach() {
    this.#leave?.();
    this.#leave = null;
  }

  #showAll() {
    this.#showState();
    this.#showRate();
    this.#showVolume();
    this.#showSleep();
    this.#showBookmark();
    this.#showFollow();
    this.#drawTrack();
    this.#showTime();
  }

  #showState() {
    const { state, wantsPlay, document: shown, error } = engine;
    this.bar.hidden = state === "empty";
    this.bar.dataset.state = state;
    const isBusy = state === "waiting" || state === "opening" || (state === "preparing" && wantsPlay);
    this.play.classList.toggle("busy", isBusy);
    const face = wantsPlay ? "pause" : "play";
    relabel(this.play, { label: wantsPlay ? "Pause" : "Play", face, keys: "Space" });
    this.title.textContent = shown?.title ?? (state === "opening" ? "Opening…" : "Lectern");
    this.title.title = shown?.title ?? "";
    this.retry.hidden = !(state === "failed" && error?.retry);
    this.bar.classList.toggle("failed", state === "failed");
    if (state === "failed") this.#say(error.message);
    if (!this.#noticeTimer) this.#showLine();
  }

  #showLine() {
    const words = lineWords();
    if (this.line.textContent !== words) this.line.textContent = words;
    this.line.title = words;
  }

  #notice(message) {
    clearTimeout(this.#noticeTimer);
    this.line.textContent = message;
    this.#say(message);
    this.#noticeTimer = setTimeout(() => {
      this.#noticeTimer = 0;
      this.#showLine();
    }, NOTICE_MS);
  }

  #say(message) {
    if (this.spoken.textContent !== message) this.spoken.textContent = message;
  }

  #drawTrack() {
    this.track.draw();
  }

  #showTime() {
    const { timeline, elapsedMs, rate } = engine;
    // Whole seconds first, so that at normal speed both add up to the total. The place is
    // told as in the outline, whatever the speed; what is left, as the listener's time.
    const elapsed = Math.round(elapsedMs / 1000);
    const total = Math.round((timeline?.totalMs ?? 0) / 1000);
    const left = Math.max(0, total - elapsed) / rate;
    const words = timeline?.totalMs ? `${clock(elapsed)} · −${clock(left)}` : "";
    if (this.time.textContent !== words) {
      this.time.textContent = words;
      this.narrowTime.textContent = words;
      this.time.title = `At ${clock(elapsed)} of ${clock(total)}; ${duration(left)} left at ${speed(rate)}`;
    }
    this.track.move();
  }

  #showRate() {
    const { rate } = engine;
    const rates = SPEEDS.includes(rate) ? SPEEDS : [...SPEEDS, rate].sort((a, b) => a - b);
    const options = rates.map((value) => element("option", { value, text: speed(value) }));
    this.speed.replaceChildren(...options);
    this.speed.value = String(rate);
  }

  #showVolume() {
    this.volume.show();
  }

  #showSleep() {
    this.sleep.show();
  }

  #showBookmark() {
    const isSet = Boolean(engine.document && engine.bookmarks.inBlock(engine.index));
    this.bookmark.classList.toggle("active", isSet);
    this.bookmark.setAttribute("aria-pressed", String(isSet));
    relabel(this.bookmark, { face: isSet ? "bookmarked" : "bookmark" });
  }

  #showFollow() {
    this.follow.hidden = engine.following || !engine.hasReader || !engine.document;
  }
}

/** A button pressed by pointer gives the focus back, so that Space goes on to play. */
function letGoOfPointerFocus(event) {
  const pressed = event.target.closest(".controls button, .follow");
  if (event.detail > 0 && pressed) pressed.blur();
}

/** Return the bar's second line: what is wrong, or going on, or else the chapter. */
function lineWords() {
  const { state, error, preparing, chapter } = engine;
  if (state === "failed") return error.message;
  if (state === "preparing") return preparingWords(preparing);
  if (state === "waiting" && !engine.isVoiced(engine.index)) return "Speaking this passage…";
  if (state === "ended") return "The end";
  if (state === "paused" && engine.otherTabs.areSounding) return "Playing in another tab";
  return chapter?.t ?? "";
}

function preparingWords(preparing) {
  if (!preparing) return "Preparing…";
  const { step, message, done, total } = preparing;
  const share = total > 1 ? ` ${done} of ${total}` : "";
  return message || `${step ?? "Preparing"}${share}…`;
}

export default function bar({ parentElement }) {
  const view = mounted(parentElement, (parent) => new Bar(parent));
  view.attach();
  return () => view.detach();
}
