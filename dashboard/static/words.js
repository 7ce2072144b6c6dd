/**
 * Words between what is shown, what is spoken and when it is heard. Pure.
 *
 * A block's "m" lists stretches [spoken start, spoken end, shown start, shown end];
 * without it the spoken text is the shown text. A word time is [start character, end
 * character, start ms, end ms] in the spoken text.
 */

import { lastAtMost } from "./timeline.js";

/** Longest shown stretch that may be marked as one word, when lengths differ. */
const WHOLE_STRETCH_CHARS = 60;

/** Word times as columns, so that a search touches plain arrays. */
export class Words {
  constructor(times) {
    this.count = times.length;
    this.startChars = Int32Array.from(times, (word) => word[0]);
    this.endChars = Int32Array.from(times, (word) => word[1]);
    this.startsMs = Float64Array.from(times, (word) => word[2]);
  }

  /** Number of the word heard at `ms`, or -1 before the first. */
  at(ms) {
    return lastAtMost(this.startsMs, ms);
  }

  /** How many words begin in [from, to). */
  begunBetween(fromMs, toMs) {
    return lastAtMost(this.startsMs, toMs - 0.001) - lastAtMost(this.startsMs, fromMs - 0.001);
  }

  /** When the word at, or else next after, a spoken character begins. */
  timeOfChar(char) {
    const before = lastAtMost(this.startChars, char);
    if (before >= 0 && char < this.endChars[before]) return this.startsMs[before];
    return this.startsMs[Math.min(before + 1, this.count - 1)] ?? 0;
  }
}

/** Return [start, end] of a word in the shown text, or null when it has no one place. */
export function shownRange(block, startChar, endChar) {
  if (!block.m) return [startChar, Math.min(endChar, block.t.length)];
  const first = stretchOfSpoken(block.m, startChar);
  if (!first) return null;
  const last = stretchOfSpoken(block.m, Math.max(startChar, endChar - 1)) ?? first;
  const start = isSameLength(first) ? first[2] + (startChar - first[0]) : first[2];
  const end = isSameLength(last) ? last[2] + (endChar - last[0]) : last[3];
  const tooLong = !isSameLength(first) && end - start > WHOLE_STRETCH_CHARS;
  return tooLong || end <= start ? null : [start, end];
}

/** Return the spoken character that says, or next follows, a shown one. */
export function spokenChar(block, shownChar) {
  if (!block.m) return shownChar;
  let after = null;
  for (const stretch of block.m) {
    if (shownChar >= stretch[2] && shownChar < stretch[3]) {
      return isSameLength(stretch) ? stretch[0] + (shownChar - stretch[2]) : stretch[0];
    }
    if (stretch[2] > shownChar && (!after || stretch[2] < after[2])) after = stretch;
  }
  return after ? after[0] : (block.m.at(-1)?.[1] ?? 0);
}

function stretchOfSpoken(stretches, char) {
  return stretches.find((stretch) => char >= stretch[0] && char < stretch[1]) ?? null;
}

function isSameLength([spokenStart, spokenEnd, shownStart, shownEnd]) {
  return spokenEnd - spokenStart === shownEnd - shownStart;
}
