/**
 * Playing at the page's request: a press of Listen or Resume comes as a token in the
 * reader's data and plays once, as soon as its document is open.
 *
 * Pages run again and again with the same data, so honoured tokens are kept for as long
 * as the tab lives, over reloads too.
 */

const KEY = "lectern.honoured";
const MOST_KEPT = 100;
/** The document is open in these, or on its way to be readable. */
const OPEN = new Set(["preparing", "paused", "ended", "waiting", "playing"]);

export class PlayRequests {
  #engine;
  #honoured = kept();
  #wanted = null; // {documentId, token}

  constructor(engine) {
    this.#engine = engine;
    engine.addEventListener("state", () => this.#honour());
  }

  /** Play a document once for a token; one that still opens is played later. */
  ask(documentId, token) {
    if (this.#wanted?.documentId !== documentId) this.#wanted = null;
    if (!token || this.#honoured.includes(token)) return;
    this.#wanted = { documentId, token };
    this.#honour();
  }

  #honour() {
    const { document, state } = this.#engine;
    if (!this.#wanted || document?.id !== this.#wanted.documentId || !OPEN.has(state)) return;
    this.#keep(this.#wanted.token);
    this.#wanted = null;
    this.#engine.setFollowing(true);
    this.#engine.play();
  }

  #keep(token) {
    this.#honoured = [...this.#honoured, token].slice(-MOST_KEPT);
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#honoured));
    } catch {
      // Storage may be closed to us; then tokens are known until the page is reloaded.
    }
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}
