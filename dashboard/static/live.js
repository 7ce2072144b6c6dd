/**
 * The server's events for one document and voice: blocks that became audible, and how
 * far a document is that is still being prepared.
 */

import { documentPath } from "./api.js";

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 15_000;

export class Live {
  #source = null;
  #retryTimer = 0;
  #retryMs = FIRST_RETRY_MS;
  #path = null;

  /** `handlers`: ready([[index, key, duration ms]…]), state({…}), lost(). */
  constructor(handlers) {
    this.handlers = handlers;
  }

  open(documentId, voice) {
    this.close();
    this.#path = documentPath(documentId, "events", { voice });
    this.#connect();
  }

  /** Connect again, if there is something to listen to and no connection. */
  reopen() {
    if (this.#path && !this.#source) this.#connect();
  }

  /** Let the connection go: a browser keeps few of them for all its tabs. */
  rest() {
    clearTimeout(this.#retryTimer);
    this.#source?.close();
    this.#source = null;
  }

  close() {
    this.rest();
    this.#path = null;
  }

  #connect() {
    const source = new EventSource(this.#path);
    this.#source = source;
    const parsed = (handler) => (event) => handler(JSON.parse(event.data));
    source.addEventListener("open", () => (this.#retryMs = FIRST_RETRY_MS));
    source.addEventListener("ready", parsed((data) => this.handlers.ready(data.blocks)));
    source.addEventListener("state", parsed((data) => this.handlers.state(data)));
    source.addEventListener("error", () => this.#failed(source));
  }

  /** The browser reconnects by itself after a cut, but not after a refusal. */
  #failed(source) {
    if (source !== this.#source) return;
    this.handlers.lost();
    if (source.readyState !== EventSource.CLOSED) return;
    this.#source = null;
    this.#retryTimer = setTimeout(() => this.reopen(), this.#retryMs);
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}
