/**
 * The audio of blocks near the listener: fetched ahead, dropped behind, aborted when
 * the listener jumps away. Audio is named by key, so equal passages share one sound.
 */

import { getBlob, getJson } from "./api.js";
import { Words } from "./words.js";

const TRIES = 3;
const FIRST_RETRY_MS = 400;

/** One fetched sound: where it can be played from, and when its words are heard. */
class Sound {
  constructor(key, index) {
    this.key = key;
    this.index = index; // of the block that asked last
    this.url = null; // object URL, once the bytes are here
    this.words = null; // Words, once they are here
    this.abort = new AbortController();
    this.bytesHere = null; // promise of this sound
    this.wordsHere = null; // promise of Words or null; never rejects
  }
}

export class Sounds {
  #byKey = new Map();

  /** Return the sound of a key, fetching it when it is not here yet. */
  get(key, index) {
    let sound = this.#byKey.get(key);
    if (!sound) {
      sound = new Sound(key, index);
      this.#byKey.set(key, sound);
      this.#fetch(sound);
    }
    sound.index = index;
    return sound;
  }

  /** Whether the bytes of a key are here. */
  has(key) {
    return Boolean(this.#byKey.get(key)?.url);
  }

  #fetch(sound) {
    const options = { signal: sound.abort.signal };
    sound.bytesHere = patiently(() => getBlob(`/api/audio/${sound.key}.ogg`, options))
      .then((blob) => {
        sound.url = URL.createObjectURL(blob);
        return sound;
      })
      .catch((error) => {
        if (this.#byKey.get(sound.key) === sound) this.#byKey.delete(sound.key);
        throw error;
      });
    sound.bytesHere.catch(() => {}); // whoever plays it hears of the failure
    sound.wordsHere = patiently(() => getJson(`/api/audio/${sound.key}.json`, options))
      .then((answer) => (sound.words = new Words(answer.words)))
      .catch(() => null); // sound without highlighting is better than none
  }

  /** Drop what lies outside first…last, but never the sounds in `kept`. */
  keepWithin(first, last, kept) {
    for (const sound of this.#byKey.values()) {
      if (sound.index >= first && sound.index <= last) continue;
      if (!kept.has(sound)) this.#drop(sound);
    }
  }

  /** Stop fetching all that has not arrived, but for one key. */
  abortPending(exceptKey) {
    for (const sound of this.#byKey.values()) {
      if (!sound.url && sound.key !== exceptKey) this.#drop(sound);
    }
  }

  clear() {
    for (const sound of this.#byKey.values()) this.#drop(sound);
  }

  #drop(sound) {
    sound.abort.abort();
    if (sound.url) URL.revokeObjectURL(sound.url);
    this.#byKey.delete(sound.key);
  }
}

/** Try again after a failure that may pass; a refusal or an abort is final. */
async function patiently(attempt) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const final = error.name === "AbortError" || (error.status >= 400 && error.status < 500);
      if (final || tries === TRIES) throw error;
      await new Promise((resume) => setTimeout(resume, FIRST_RETRY_MS * 2 ** (tries - 1)));
    }
  }
}
