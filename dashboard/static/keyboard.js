/**
 * The keyboard: caught before Streamlit's own shortcuts see a key, and left alone
 * wherever somebody types, chooses or has a dialog open.
 */

import { recall, remember } from "./memory.js";

/** What each key does, in the order the help shows it. */
export const SHORTCUTS = [
  { keys: [" "], shown: ["Space"], does: "Play or pause", run: (e) => e.toggle() },
  { keys: ["ArrowLeft", "h"], shown: ["←", "h"], does: "Back 10 seconds", run: (e) => e.skip(-10) },
  { keys: ["ArrowRight", "l"], shown: ["→", "l"], does: "Forward 10 seconds", run: (e) => e.skip(10) },
  { keys: ["ArrowUp", "k"], shown: ["↑", "k"], does: "Previous passage", page: true, run: (e) => e.step(-1) },
  { keys: ["ArrowDown", "j"], shown: ["↓", "j"], does: "Next passage", page: true, run: (e) => e.step(1) },
  { keys: ["K"], shown: ["Shift k"], does: "Previous chapter", run: (e) => e.stepChapter(-1) },
  { keys: ["J"], shown: ["Shift j"], does: "Next chapter", run: (e) => e.stepChapter(1) },
  { keys: ["[", "<"], shown: ["["], does: "Slower", run: (e) => e.setRate(e.rate - 0.1) },
  { keys: ["]", ">"], shown: ["]"], does: "Faster", run: (e) => e.setRate(e.rate + 0.1) },
  { keys: ["-"], shown: ["−"], does: "Quieter", run: (e) => e.setVolume(e.volume - 0.1) },
  { keys: ["+", "="], shown: ["+"], does: "Louder", run: (e) => e.setVolume(e.volume + 0.1) },
  { keys: ["m"], shown: ["m"], does: "Mute", run: (e) => e.toggleMute() },
  { keys: ["b"], shown: ["b"], does: "Bookmark this place", run: (e) => e.toggleBookmark() },
  { keys: ["r"], shown: ["r"], does: "Back to the voice", page: true, run: (e) => e.setFollowing(true) },
  { keys: ["Backspace"], shown: ["Backspace"], does: "Back to before the last jump", page: true, run: (e) => e.goBack() },
  { keys: ["?"], shown: ["?"], does: "This help", run: (e) => e.emit("help") },
];

const BY_KEY = new Map(SHORTCUTS.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])));

/** Where keys belong to what has the focus. */
const TYPING =
  "input:not([type=range]),textarea,select,[contenteditable=''],[contenteditable=true],dialog,[popover]," +
  "[role=combobox],[role=textbox],[role=listbox],[role=menu]," +
  "[role=menuitem],[role=grid],[role=tree],[role=tab],[role=radiogroup],[role=dialog]";
/** What Space presses. */
const PRESSABLE = "button,summary,[role=button]";
/** What arrow keys move. */
const SLIDING = "input[type=range],[role=slider]";

export class Keyboard {
  isOn = recall("shortcuts", true);
  #engine;

  constructor(engine) {
    this.#engine = engine;
    addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
  }

  /** Single keys can be switched off: they get in the way of speech input. */
  setOn(isOn) {
    this.isOn = isOn;
    remember("shortcuts", isOn);
  }

  #pressed(event) {
    const shortcut = BY_KEY.get(event.key);
    if (!shortcut || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.isOn || !this.#engine.document || event.defaultPrevented) return;
    if (shortcut.page && !this.#engine.hasReader) return;
    if (belongsElsewhere(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    shortcut.run(this.#engine);
  }
}

function belongsElsewhere(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (closestAcross(target, TYPING)) return true;
  if (event.key.startsWith("Arrow") && closestAcross(target, SLIDING)) return true;
  return event.key === " " && closestAcross(target, PRESSABLE);
}

function closestAcross(element, selector) {
  const found = element.closest(selector);
  if (found) return true;
  const root = element.getRootNode();
  return root instanceof ShadowRoot && closestAcross(root.host, selector);
}
