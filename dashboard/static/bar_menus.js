/**
 * What opens from the player bar: the sleep timer, the volume, the keyboard help.
 */

import { button, element, relabel } from "./dom.js";
import { engine } from "./engine.js";
import { counted, duration } from "./format.js";
import { SHORTCUTS } from "./keyboard.js";

const MINUTES = [5, 10, 15, 30, 45, 60, 90];
const EDGE_PX = 8;

/** Return a pop-up that opens above `opener` and closes on Escape or a click away. */
function popup(opener, label, ...children) {
  const panel = element("div", { class: "popup", popover: "auto", role: "group", "aria-label": label }, ...children);
  opener.setAttribute("aria-haspopup", "true");
  opener.popoverTargetElement = panel;
  panel.addEventListener("toggle", (event) => {
    const isOpen = event.newState === "open";
    opener.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    placeAbove(panel, opener);
    panel.querySelector("[aria-pressed=true], button, input")?.focus();
  });
  return panel;
}

function placeAbove(panel, opener) {
  const at = opener.getBoundingClientRect();
  const middle = at.left + at.width / 2 - panel.offsetWidth / 2;
  const left = Math.max(EDGE_PX, Math.min(innerWidth - panel.offsetWidth - EDGE_PX, middle));
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(EDGE_PX, at.top - panel.offsetHeight - EDGE_PX)}px`;
}

/** The sleep timer: its button and its choices. */
export class SleepMenu {
  constructor() {
    this.opener = button({ label: "Sleep timer", face: "moon", className: "round" });
    const choices = [null, ...MINUTES, "chapter"];
    this.items = choices.map((choice) => this.#item(choice));
    this.left = element("p", { class: "left" });
    const list = element("div", { class: "choices" }, ...this.items.map((item) => item.node));
    this.panel = popup(this.opener, "Sleep timer", element("h2", { text: "Sleep timer" }), list, this.left);
  }

  #item(choice) {
    const node = element("button", { type: "button", class: "choice", text: sleepWords(choice) });
    node.addEventListener("click", (event) => {
      engine.setSleep(choice);
      engine.notice(choice === null ? "Sleep timer off" : `Sleep timer: ${sleepWords(choice).toLowerCase()}`);
      this.panel.hidePopover();
      if (event.detail > 0) node.blur(); // pressed by pointer: Space plays again
      else this.opener.focus();
    });
    return { choice, node };
  }

  show() {
    const { sleep } = engine;
    const chosen = sleep.untilChapterEnd ? "chapter" : sleep.minutes;
    for (const { choice, node } of this.items) node.setAttribute("aria-pressed", String(choice === chosen));
    this.opener.classList.toggle("active", sleep.isSet);
    const leftMs = sleep.leftMs(0);
    const isCounting = sleep.minutes !== null;
    this.left.textContent = isCounting ? `${duration(leftMs / 1000)} left` : "";
    relabel(this.opener, { label: sleep.isSet ? `Sleep timer: ${sleepWords(chosen).toLowerCase()}` : "Sleep timer" });
  }
}

function sleepWords(choice) {
  if (choice === null) return "Off";
  return choice === "chapter" ? "End of chapter" : counted(choice, "minute");
}

/** The volume: its button and its slider. */
export class VolumeMenu {
  constructor() {
    this.opener = button({ label: "Volume", face: "loud", className: "round volume" });
    this.mute = button({
      label: "Mute", face: "loud", keys: "m", className: "round", onClick: () => engine.toggleMute(),
    });
    this.slider = element("input", {
      type: "range", min: 0, max: 100, step: 5, class: "level", "aria-label": "Volume",
    });
    this.slider.addEventListener("input", () => engine.setVolume(Number(this.slider.value) / 100));
    this.panel = popup(this.opener, "Volume", element("div", { class: "volume-row" }, this.mute, this.slider));
  }

  show() {
    const face = engine.muted || engine.volume === 0 ? "muted" : "loud";
    const percent = Math.round(engine.volume * 100);
    relabel(this.opener, { label: engine.muted ? "Volume: muted" : `Volume: ${percent} %`, face });
    relabel(this.mute, { label: engine.muted ? "Unmute" : "Mute", face, keys: "m" });
    this.slider.value = engine.muted ? 0 : percent;
  }
}

/** The list of keys, made from the same table that the keyboard obeys. */
export class HelpDialog {
  constructor() {
    this.opener = button({
      label: "Keyboard shortcuts", face: "keyboard", keys: "?", className: "round help-button",
      onClick: () => this.toggle(),
    });
    const list = element("dl", {}, ...SHORTCUTS.flatMap((shortcut) => describe(shortcut)));
    const close = element("button", { type: "button", class: "plain", text: "Close", autofocus: true });
    this.isOn = element("input", { type: "checkbox" });
    const choice = element("label", { class: "switch" }, this.isOn, "Use single keys as shortcuts");
    this.dialog = element(
      "dialog",
      { class: "help", "aria-label": "Keyboard shortcuts" },
      element("h2", { text: "Keyboard" }),
      list,
      element("div", { class: "foot" }, choice, close),
    );
    close.addEventListener("click", () => this.dialog.close());
    this.isOn.addEventListener("change", () => engine.keyboard.setOn(this.isOn.checked));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("keydown", (event) => event.key === "?" && this.dialog.close());
  }

  toggle() {
    if (this.dialog.open) return this.dialog.close();
    this.isOn.checked = engine.keyboard.isOn;
    return this.dialog.showModal();
  }
}

function describe({ shown, does }) {
  const keys = shown.map((key) => element("kbd", { text: key }));
  return [element("dt", {}, ...keys), element("dd", { text: does })];
}
