/**
 * From a block to its sound: knows which blocks are voiced, fetches those that come
 * next, hands them to the deck in turn, and tells when there is trouble.
 *
 * Does not know where the listener wants to be; the engine does.
 */

import { Deck } from "./deck.js";
import { Sounds } from "./sounds.js";
import { spokenChar } from "./words.js";

const AHEAD_BLOCKS = 8;
const BEHIND_BLOCKS = 32;
/** A sound that vanishes from the server this often is not asked for again. */
const LOSSES_BORNE = 2;

export class Playback {
  sounds = new Sounds();
  #keys = new Map(); // block index → audio key
  #losses = new Map(); // audio key → how often it was not there
  #isOnDeck = false; // whether the deck holds the block at the place
  #turn = 0; // raised by whatever makes older waiting pointless

  /**
   * `handlers`: sounding({gap}) sound comes out; finished() the block is over;
   * played(fromMs, toMs, sound) that much was heard; failed(error); lost() the sound is
   * gone from the server, which makes it again.
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.deck = new Deck({
      finished: () => handlers.finished(),
      played: handlers.played,
      sounding: () => handlers.sounding({ gap: this.deck.gap }),
      broken: (error) => handlers.failed(error),
    });
  }

  /** Forget everything: another document, voice or policy. */
  reset() {
    this.silence();
    this.sounds.clear();
    this.#keys.clear();
    this.#losses.clear();
  }

  silence() {
    this.leave();
    this.deck.empty();
  }

  /** Stop, as the place moves elsewhere. */
  leave() {
    this.pause();
    this.#isOnDeck = false;
  }

  pause() {
    this.#turn += 1;
    this.deck.pause();
  }

  /** Take note of [index, key, duration ms]. */
  take(blocks) {
    for (const [index, key] of blocks) this.#keys.set(index, key);
  }

  isVoiced(index) {
    return this.#keys.has(index);
  }

  /** The sound of the place's block, when it is on the deck. */
  get sound() {
    return this.#isOnDeck ? this.deck.sound : null;
  }

  get isOnDeck() {
    return this.#isOnDeck;
  }

  get positionMs() {
    return this.deck.positionMs;
  }

  /** Play a voiced block from an offset, or from the word at a shown character. */
  async play({ index, block, offsetMs, shownChar, timeline }) {
    this.leave();
    const turn = this.#turn;
    const key = this.#keys.get(index);
    if (!key) return; // the engine asks again when it is ready
    try {
      const sound = await this.sounds.get(key, index).bytesHere;
      const startMs = await startOf(sound, { block, offsetMs, shownChar });
      if (turn !== this.#turn) return;
      this.#isOnDeck = true;
      await this.deck.start(sound, startMs);
      if (turn === this.#turn) this.refill(index, timeline);
    } catch (error) {
      if (turn === this.#turn) this.#failed(error, { index, key });
    }
  }

  /** Go on after a pause; false when there is nothing to go on with. */
  resume() {
    if (!this.sound) return false;
    const turn = ++this.#turn;
    this.deck.resume().catch((error) => turn === this.#turn && this.handlers.failed(error));
    return true;
  }

  /** Go straight on with a block that lies ready; false when it does not. */
  goOn(index, timeline) {
    this.#turn += 1;
    const key = this.#keys.get(index);
    const sound = key && this.sounds.has(key) ? this.sounds.get(key, index) : null;
    this.#isOnDeck = Boolean(sound) && this.deck.swap(sound);
    if (this.#isOnDeck) this.refill(index, timeline);
    return this.#isOnDeck;
  }

  /** Fetch what comes next, drop what is long past, load the next into the deck. */
  refill(from, timeline) {
    let index = from;
    for (let count = 0; count < AHEAD_BLOCKS && index >= 0; count += 1) {
      const key = this.#keys.get(index);
      if (key) this.#prepare(this.sounds.get(key, index), count);
      index = timeline.spokenFrom(index + 1);
    }
    this.sounds.keepWithin(from - BEHIND_BLOCKS, from + BEHIND_BLOCKS, this.deck.held);
  }

  async #prepare(sound, count) {
    if (count !== 1) return;
    const turn = this.#turn;
    await sound.bytesHere.catch(() => null); // whoever plays it hears of a failure
    if (sound.url && turn === this.#turn && this.#isOnDeck) this.deck.arm(sound);
  }

  /** Stop fetching for a place that was left. */
  abortPending(index) {
    this.sounds.abortPending(this.#keys.get(index));
  }

  #failed(error, { index, key }) {
    this.#isOnDeck = false;
    if (error.status !== 404 || !this.#isBearable(key)) return this.handlers.failed(error);
    this.#keys.delete(index);
    return this.handlers.lost();
  }

  #isBearable(key) {
    const losses = (this.#losses.get(key) ?? 0) + 1;
    this.#losses.set(key, losses);
    return losses <= LOSSES_BORNE;
  }
}

async function startOf(sound, { block, offsetMs, shownChar }) {
  if (shownChar === null) return offsetMs;
  const words = await sound.wordsHere;
  return words ? words.timeOfChar(spokenChar(block, shownChar)) : offsetMs;
}
