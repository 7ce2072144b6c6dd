/**
 * The listener's place: a spoken block and how far into it, and the places before.
 */

const PLACES_REMEMBERED = 50;

export class Place {
  index = -1; // of the block
  offsetMs = 0; // into its sound, while the deck does not know better
  shownChar = null; // asks for the word there, until word times are known
  #before = [];

  /** Settle on the first spoken block from `index` on; the rest counts only there. */
  settle(timeline, { index, offsetMs = 0, shownChar = null }) {
    const wanted = Math.min(index, timeline.length - 1);
    const spoken = timeline.spokenFrom(wanted);
    this.index = spoken >= 0 ? spoken : timeline.last;
    const isExact = this.index === wanted;
    this.offsetMs = isExact ? offsetMs : 0;
    this.shownChar = isExact ? shownChar : null;
  }

  /** Keep a place to come back to. */
  remember(place) {
    this.#before.push(place);
    if (this.#before.length > PLACES_REMEMBERED) this.#before.shift();
  }

  /** Return the place kept last, or null; it is not kept any more. */
  back() {
    return this.#before.pop() ?? null;
  }
}
