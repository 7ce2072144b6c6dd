/**
 * Files on their way to the server, two at a time, in pieces that are gone on with
 * after a break. Lives as long as the tab: pages may change meanwhile.
 *
 *   waiting → uploading → checking → done | already      refused, stopped (by cancel)
 *                 ↕ resuming
 */

import { ApiError, sendJson } from "./api.js";
import { bytes } from "./format.js";

const AT_ONCE = 2;
const PIECE_BYTES = 8 * 1024 ** 2;
const TRIES = 8;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
/** The same file meets these answers every time. */
const FINAL = new Set([400, 413, 415, 422]);
/** Of those, the one that depends on how busy the server was. */
const MAY_SUCCEED_LATER = "took_too_long";
const ACTIVE = new Set(["waiting", "uploading", "resuming", "checking"]);

/** One file on its way. */
class Transfer {
  constructor(file, recogniser = "") {
    this.file = file;
    this.recogniser = recogniser; // who is to read it; empty leaves it to the server
    this.state = "waiting";
    this.sentBytes = 0;
    this.message = ""; // why it was refused
    this.isFinal = false; // the same file would be refused again
    this.document = null; // {id, title} once it is in the library
    this.id = null; // of the upload, at the server
    this.request = null; // what is being sent
  }

  get isActive() {
    return ACTIVE.has(this.state);
  }

  get isRetryable() {
    return this.state === "stopped" || (this.state === "refused" && !this.isFinal);
  }

  get share() {
    return this.file.size ? Math.min(1, this.sentBytes / this.file.size) : 0;
  }
}

export class Transfers extends EventTarget {
  list = [];
  limits = { upload_bytes: Infinity, piece_bytes: PIECE_BYTES };
  recogniser = ""; // for files that are added from now on
  #arrived = []; // document ids that no page has been told of

  constructor() {
    super();
    addEventListener("beforeunload", (event) => this.#holdBack(event));
  }

  /** Take files; each is sent as soon as there is room. */
  add(files) {
    for (const file of files) this.list.push(this.#checked(new Transfer(file, this.recogniser)));
    this.#changed();
    this.#startMore();
  }

  #checked(transfer) {
    const { size } = transfer.file;
    const limit = this.limits.upload_bytes;
    if (size === 0) refuse(transfer, "The file is empty.", { isFinal: true });
    else if (size > limit) {
      const message = `The file has ${bytes(size)}; at most ${bytes(limit)} are taken.`;
      refuse(transfer, message, { isFinal: true });
    }
    return transfer;
  }

  cancel(transfer) {
    if (!transfer.isActive) return;
    transfer.state = "stopped";
    transfer.request?.abort();
    if (transfer.id) sendJson("DELETE", path(transfer)).catch(() => {}); // it expires
    this.#changed();
  }

  /** Start a refused or stopped file over. */
  retry(transfer) {
    this.list = this.list.filter((other) => other !== transfer);
    this.add([transfer.file]);
  }

  /** Take one that has ended off the list. */
  dismiss(transfer) {
    this.list = this.list.filter((other) => other !== transfer || other.isActive);
    this.#changed();
  }

  /** Take all that has ended off the list. */
  clear() {
    this.list = this.list.filter((transfer) => transfer.isActive);
    this.#changed();
  }

  /** Return the documents that arrived since this was last asked. */
  takeArrived() {
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  get isActive() {
    return this.list.some((transfer) => transfer.isActive);
  }

  #startMore() {
    const isSending = (transfer) => transfer.isActive && transfer.state !== "waiting";
    let free = AT_ONCE - this.list.filter(isSending).length;
    for (const transfer of this.list) {
      if (free <= 0) return;
      if (transfer.state !== "waiting") continue;
      this.#send(transfer);
      free -= 1;
    }
  }

  async #send(transfer) {
    transfer.state = "uploading";
    this.#changed();
    try {
      await this.#sendPieces(transfer);
    } catch (error) {
      const isFinal = FINAL.has(error.status) && error.code !== MAY_SUCCEED_LATER;
      if (transfer.state !== "stopped") refuse(transfer, error.message, { isFinal });
    }
    this.#changed();
    this.#startMore();
    if (!this.isActive) this.dispatchEvent(new Event("finished"));
  }

  /** An upload the server no longer knows is begun anew, once: it may have ended. */
  async #sendPieces(transfer) {
    try {
      await this.#sendAll(transfer);
    } catch (error) {
      if (error.status !== 404 || transfer.state === "stopped") throw error;
      await this.#sendAll(transfer);
    }
  }

  async #sendAll(transfer) {
    const announced = { name: transfer.file.name, size_bytes: transfer.file.size };
    const begun = await insist(transfer, () => sendJson("POST", "/api/uploads", announced));
    if (transfer.state === "stopped") return;
    transfer.id = begun.id;
    let answer = { offset: begun.offset, complete: false };
    while (!answer.complete && transfer.state !== "stopped") {
      answer = await this.#sendPiece(transfer, answer.offset);
    }
    if (answer.complete) this.#arrive(transfer, answer);
  }

  /** Send one piece, finding out after every break how far the server has come. */
  async #sendPiece(transfer, offset) {
    let from = offset;
    const attempt = async (tries) => {
      if (tries > 0) from = (await offsetOf(transfer)) ?? from;
      const end = Math.min(transfer.file.size, from + this.limits.piece_bytes);
      transfer.state = "uploading";
      return this.#put(transfer, from, end);
    };
    return insist(transfer, attempt, () => {
      transfer.state = "resuming";
      this.#changed();
    });
  }

  /** XMLHttpRequest, as fetch does not say how much has been sent. */
  #put(transfer, from, end) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      transfer.request = request;
      const by = transfer.recogniser;
      request.open("PUT", path(transfer) + (by ? `?recogniser=${encodeURIComponent(by)}` : ""));
      request.setRequestHeader("upload-offset", String(from));
      request.responseType = "json";
      request.upload.onprogress = (event) => this.#progressed(transfer, from + event.loaded);
      request.upload.onload = () => this.#progressed(transfer, end);
      request.onload = () => settle(request, resolve, reject);
      request.onerror = () => reject(new ApiError("The connection broke."));
      request.onabort = () => reject(new ApiError("Cancelled.", { code: "stopped", status: 499 }));
      request.send(transfer.file.slice(from, end));
    });
  }

  #progressed(transfer, sentBytes) {
    if (transfer.state === "stopped") return;
    transfer.sentBytes = sentBytes;
    transfer.state = sentBytes >= transfer.file.size ? "checking" : "uploading";
    this.#changed();
  }

  #arrive(transfer, answer) {
    transfer.state = answer.already_had ? "already" : "done";
    transfer.document = answer.document;
    transfer.sentBytes = transfer.file.size;
    this.#arrived.push(answer.document.id);
    this.dispatchEvent(new Event("arrived"));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #holdBack(event) {
    if (this.isActive) event.preventDefault();
  }
}

/** Resolve with a piece's answer; a stated offset of the server's own is an answer too. */
function settle(request, resolve, reject) {
  const { status, response } = request;
  if (status >= 200 && status < 300 && response) resolve(response);
  else if (status === 409 && Number.isInteger(response?.offset)) {
    resolve({ offset: response.offset, complete: false });
  } else {
    const message = response?.message ?? `Lectern refused the file (${status}).`;
    reject(new ApiError(message, { code: response?.code ?? "http", status }));
  }
}

function refuse(transfer, message, { isFinal }) {
  transfer.state = "refused";
  transfer.message = message;
  transfer.isFinal = isFinal;
}

function path(transfer) {
  return `/api/uploads/${encodeURIComponent(transfer.id)}`;
}

/** Return how many bytes the server has, or null when it cannot be asked. */
async function offsetOf(transfer) {
  const answer = await fetch(path(transfer), { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer?.status === 404) {
    throw new ApiError("Lectern no longer knows this upload. Send the file again.", { status: 404 });
  }
  const offset = answer?.ok ? Number(answer.headers.get("upload-offset")) : NaN;
  return Number.isInteger(offset) ? offset : null;
}

/** Try until it works, it is refused for good, or patience ends. */
async function insist(transfer, attempt, onBreak = () => {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt(tries);
    } catch (error) {
      const isRefusal = error.status >= 400 && error.status < 500;
      const isFull = error.status === 507;
      if (isRefusal || isFull || tries + 1 === TRIES || transfer.state === "stopped") throw error;
      onBreak();
      const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries);
      await new Promise((resume) => setTimeout(resume, waitMs));
    }
  }
}

/** The transfers of this tab. */
export const transfers = (window.__lectern_transfers ??= new Transfers());
