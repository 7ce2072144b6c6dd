/**
 * Where every block lies in time, which are spoken, and in which chapter.
 *
 * Nothing here walks the document for one step: neighbours are tables, starts are
 * prefix sums (made again only after a duration changed), lookups are searches.
 */

/** Return the last place in ascending `values` that is ≤ `wanted`, or -1. */
export function lastAtMost(values, wanted, length = values.length) {
  let low = 0;
  let high = length - 1;
  let found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) {
      found = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}

export class Timeline {
  #durationsMs;
  #startsMs;
  #stale = true;
  #after;
  #before;
  #chapterStarts;

  constructor(blocks, chapters) {
    this.length = blocks.length;
    this.chapters = chapters;
    this.#durationsMs = Float64Array.from(blocks, (block) => spokenMs(block));
    this.#startsMs = new Float64Array(blocks.length + 1);
    this.#chapterStarts = Int32Array.from(chapters, (chapter) => chapter.i);
    this.#linkNeighbours(blocks);
  }

  #linkNeighbours(blocks) {
    this.#after = new Int32Array(blocks.length + 1).fill(-1);
    this.#before = new Int32Array(blocks.length + 1).fill(-1);
    for (let i = blocks.length - 1, next = -1; i >= 0; i -= 1) {
      if (isSpoken(blocks[i])) next = i;
      this.#after[i] = next;
    }
    for (let i = 0, last = -1; i < blocks.length; i += 1) {
      if (isSpoken(blocks[i])) last = i;
      this.#before[i] = last;
    }
  }

  /** First spoken block at or after `index`; -1 when there is none. */
  spokenFrom(index) {
    return index < 0 ? this.#after[0] : (this.#after[index] ?? -1);
  }

  /** Last spoken block at or before `index`; -1 when there is none. */
  spokenUpTo(index) {
    return index >= this.length ? (this.#before[this.length - 1] ?? -1) : (this.#before[index] ?? -1);
  }

  /** Last spoken block of the document. */
  get last() {
    return this.spokenUpTo(this.length - 1);
  }

  /** The spoken block after `index` (count > 0) or before it; -1 at the ends. */
  step(index, count) {
    return count > 0 ? this.spokenFrom(index + 1) : this.spokenUpTo(index - 1);
  }

  /**
   * Where a step by chapters leads: the next one, or back to the start of this one and
   * from there to the one before; null after the last.
   */
  chapterStep(index, count) {
    const here = this.chapterOf(index);
    const isInside = index > (this.chapters[here]?.i ?? 0);
    const wanted = count < 0 && isInside ? here : here + count;
    if (wanted >= this.chapters.length) return null;
    return this.chapters[wanted]?.i ?? 0;
  }

  durationMs(index) {
    return this.#durationsMs[index] ?? 0;
  }

  setDuration(index, ms) {
    if (this.#durationsMs[index] === ms) return;
    this.#durationsMs[index] = ms;
    this.#stale = true;
  }

  startMs(index) {
    this.#sum();
    return this.#startsMs[Math.max(0, Math.min(index, this.length))];
  }

  get totalMs() {
    this.#sum();
    return this.#startsMs[this.length];
  }

  #sum() {
    if (!this.#stale) return;
    let sum = 0;
    for (let i = 0; i < this.length; i += 1) {
      this.#startsMs[i] = sum;
      sum += this.#durationsMs[i];
    }
    this.#startsMs[this.length] = sum;
    this.#stale = false;
  }

  /** Return the spoken place at a time from the document's start. */
  at(ms) {
    const wanted = Math.max(0, Math.min(ms, this.totalMs));
    const found = Math.max(0, lastAtMost(this.#startsMs, wanted, this.length));
    const index = this.#durationsMs[found] ? found : this.spokenUpTo(found);
    if (index < 0) return { index: this.spokenFrom(0), offsetMs: 0 };
    const offsetMs = wanted - this.#startsMs[index];
    return { index, offsetMs: Math.min(offsetMs, this.#durationsMs[index]) };
  }

  /** Number of the chapter a block is in; -1 before the first. */
  chapterOf(index) {
    return lastAtMost(this.#chapterStarts, index);
  }

  /** First block after the chapter that `index` is in. */
  chapterEnd(index) {
    const next = this.chapterOf(index) + 1;
    return next < this.chapters.length ? this.chapters[next].i : this.length;
  }
}

export function isSpoken(block) {
  return block.x === undefined || block.x === null;
}

function spokenMs(block) {
  return isSpoken(block) ? (block.d ?? 0) : 0;
}
