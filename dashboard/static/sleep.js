/**
 * The sleep timer: minutes on the clock, or the end of the chapter. Turns the sound
 * down over the last seconds. Asks the engine nothing; it is told how things stand.
 */

const FADE_MS = 12_000;

export class SleepTimer {
  minutes = null; // as it was set
  untilChapterEnd = false;
  #endsAt = 0;

  get isSet() {
    return this.minutes !== null || this.untilChapterEnd;
  }

  setMinutes(minutes) {
    this.clear();
    this.minutes = minutes;
    this.#endsAt = Date.now() + minutes * 60_000;
  }

  setChapterEnd() {
    this.clear();
    this.untilChapterEnd = true;
  }

  clear() {
    this.minutes = null;
    this.untilChapterEnd = false;
    this.#endsAt = 0;
  }

  /** Milliseconds on the clock until sleep, given those until the chapter's end. */
  leftMs(chapterLeftMs) {
    if (this.untilChapterEnd) return chapterLeftMs;
    return this.minutes === null ? Infinity : Math.max(0, this.#endsAt - Date.now());
  }

  /** Loudness at `leftMs` before sleep: 1, then falling to 0 over the last seconds. */
  static fadeAt(leftMs) {
    return Math.max(0, Math.min(1, leftMs / FADE_MS)) ** 1.5;
  }
}
