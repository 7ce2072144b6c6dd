/**
 * One voice at a time: as this tab begins to sound, every other tab and window on the
 * same installation pauses, and says why until the sound there ends.
 */

import { randomId } from "./api.js";

const CHANNEL = "lectern";

export class OtherTabs {
  /** Whether this tab fell silent for another one that still sounds. */
  areSounding = false;
  #engine;
  #channel = new BroadcastChannel(CHANNEL);
  #tab = randomId();
  #since = null; // when this tab began to sound
  #yieldedTo = null; // the tab that sounds instead

  constructor(engine) {
    this.#engine = engine;
    this.#channel.addEventListener("message", (event) => this.#told(event.data));
    engine.addEventListener("state", () => this.#stateChanged());
    addEventListener("pagehide", () => this.#stopped());
  }

  /** Only sound counts: a tab that may not sound must not silence one that does. */
  #stateChanged() {
    const { state, wantsPlay } = this.#engine;
    if (wantsPlay) this.#endYielding();
    if (state === "playing" && this.#since === null) {
      this.#since = Date.now();
      this.#say("playing", { since: this.#since });
    } else if (!wantsPlay) this.#stopped();
  }

  #stopped() {
    if (this.#since === null) return;
    this.#since = null;
    this.#say("stopped");
  }

  #say(what, details = {}) {
    this.#channel.postMessage({ what, tab: this.#tab, ...details });
  }

  #told({ what, tab, since, to }) {
    if (what === "playing") this.#yield(tab, since);
    else if (what === "stopped" && tab === this.#yieldedTo) {
      this.#endYielding();
      this.#engine.emit("state");
    } else if (what === "yielded" && to === this.#tab && this.#since !== null) {
      // The other tab's last words were its own place; the voice is here.
      this.#engine.cursor.post();
    }
  }

  /** Of two that begin in one moment the later one goes on. */
  #yield(tab, since) {
    const isOlder = this.#since === null || this.#since < since;
    const isFirstOfEqual = this.#since === since && this.#tab < tab;
    if (!this.#engine.wantsPlay || !(isOlder || isFirstOfEqual)) return;
    this.areSounding = true;
    this.#yieldedTo = tab;
    this.#engine.pause();
    this.#engine.notice("Playing in another tab");
    this.#say("yielded", { to: tab });
  }

  #endYielding() {
    this.areSounding = false;
    this.#yieldedTo = null;
  }
}
