/**
 * Where the listener is, told to the server: at once after a jump, every few seconds
 * while playing, and when the page goes. Carries what was really heard since.
 */

import { documentPath, getJson, randomId, sendJson } from "./api.js";

/** Posts closer together than this are drawn into one; the first goes at once. */
const SPACING_MS = 120;
const RETRY_MS = 5000;

/** Whether the same post may be taken later; a refused one is refused again. */
function mayPassLater(error) {
  const { status = 0 } = error;
  return status < 400 || status >= 500 || status === 408 || status === 429;
}

export class Cursor {
  #session = randomId();
  #sequence = 0;
  #heardMs = 0;
  #heardWords = 0;
  #firstSoundMs = null;
  #underruns = 0;
  #lastPostAt = -Infinity;
  #timer = 0;
  #underway = 0;
  #failed = false;

  /** `snapshot()` gives what to post, or null; `lost(error)` hears of a failure. */
  constructor({ snapshot, lost }) {
    this.snapshot = snapshot;
    this.lost = lost;
  }

  /** Whether the server knows the newest position. */
  get isSettled() {
    return !this.#underway && !this.#failed && !this.#timer;
  }

  /** Count audio that was really played. */
  heard(ms, words) {
    this.#heardMs += ms;
    this.#heardWords += words;
  }

  /** Take note of how long sound was waited for, after play was pressed. */
  waited(ms) {
    this.#firstSoundMs = ms;
  }

  /** Take note that there was nothing to play, in the middle of listening. */
  ranOut() {
    this.#underruns += 1;
  }

  /** Tell the server now, or a moment after the post before. */
  post() {
    if (this.#timer) return;
    const waitMs = this.#lastPostAt + SPACING_MS - performance.now();
    if (waitMs <= 0) this.#send();
    else this.#timer = setTimeout(() => this.#send(), waitMs);
  }

  /**
   * Tell the server while the page is going away.
   *
   * A tab that only lay there says nothing: it would overwrite the newer place of
   * another device.
   */
  postLast({ isPlaying }) {
    if (isPlaying || !this.isSettled || this.#heardMs > 0) this.#send({ keepalive: true });
  }

  /** Forget a post that waits; the document is being left. */
  cancelWaiting() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#failed = false;
  }

  async #send(options = {}) {
    this.cancelWaiting();
    const place = this.snapshot();
    if (!place) return;
    const { documentId, ...position } = place;
    const heard = this.#takeHeard();
    const payload = { session: this.#session, sequence: ++this.#sequence, ...position, ...heard };
    this.#lastPostAt = performance.now();
    this.#underway += 1;
    try {
      await sendJson("POST", documentPath(documentId, "cursor"), payload, options);
    } catch (error) {
      if (mayPassLater(error)) {
        this.#giveBack(heard);
        this.#retryLater();
      }
      this.lost(error);
    } finally {
      this.#underway -= 1;
    }
  }

  #takeHeard() {
    const heard = {
      listened_ms: Math.round(this.#heardMs),
      listened_words: this.#heardWords,
      underruns: this.#underruns,
    };
    if (this.#firstSoundMs !== null) heard.first_sound_ms = Math.round(this.#firstSoundMs);
    this.#heardMs = 0;
    this.#heardWords = 0;
    this.#firstSoundMs = null;
    this.#underruns = 0;
    return heard;
  }

  #giveBack(heard) {
    this.#heardMs += heard.listened_ms;
    this.#heardWords += heard.listened_words;
    this.#firstSoundMs ??= heard.first_sound_ms ?? null;
    this.#underruns += heard.underruns;
  }

  #retryLater() {
    this.#failed = true;
    if (!this.#timer) this.#timer = setTimeout(() => this.#send(), RETRY_MS);
  }
}

/** Return the position kept on the server, or null when there is none. */
export async function savedCursor(documentId) {
  return getJson(documentPath(documentId, "cursor"), { cache: "no-store" });
}
