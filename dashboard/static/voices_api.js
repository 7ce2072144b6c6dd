/**
 * Voices: requests about them, their names, and the one preview that sounds at a time.
 */

import { ApiError, getJson, sendJson } from "./api.js";

const ROOT = "/api/voices";

/** All that the catalogue shows: voices, and what can be made for which engine. */
export async function load() {
  const [voices, { engines }] = await Promise.all([getJson(ROOT), getJson(`${ROOT}/engines`)]);
  voices.forEach(learnLanguageName);
  return { voices, engines };
}

export const send = (method, path, payload) => sendJson(method, `${ROOT}${path}`, payload);
export const fetchJson = (path) => getJson(`${ROOT}${path}`);

/** Send a file's bytes; return the answer's JSON. */
export async function sendBytes(path, body) {
  const response = await fetch(`${ROOT}${path}`, { method: "POST", body, credentials: "same-origin" });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw failureOf(answer, response.status);
  return answer;
}

function failureOf(answer, status) {
  const message = answer?.message ?? `Lectern refused the request (${status}).`;
  return new ApiError(message, { code: answer?.code ?? "http", status, body: answer });
}

const displayNames = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/** The first part of a language tag, by which voices are grouped. */
export function primary(tag) {
  return tag.toLowerCase().split("-")[0];
}

/** Languages as their voices call them, for those that the browser has no word for. */
const learnedNames = new Map();

function learnLanguageName({ language, name }) {
  const tag = primary(language);
  if (!learnedNames.has(tag)) learnedNames.set(tag, name.split(",")[0].trim());
}

/** A language tag in words. */
export function languageName(tag) {
  let name = tag;
  try {
    name = displayNames.of(tag) ?? tag;
  } catch {
    // No tag of the standard's.
  }
  const isUnknown = name.toLowerCase() === tag.toLowerCase();
  return isUnknown ? (learnedNames.get(primary(tag)) ?? tag) : name;
}

/**
 * Plays previews, one at a time; a new one ends the one before, and the document that is
 * being read is paused.
 */
class Player extends EventTarget {
  audio = new Audio();
  playing = null; // key of what sounds or is fetched
  isFetching = false;
  #abort = null;
  #url = null;

  constructor() {
    super();
    this.audio.addEventListener("ended", () => this.stop());
  }

  /** Play what `request` (a fetch's arguments) answers with; again, and it stops. */
  async toggle(key, ...request) {
    if (this.playing === key) return this.stop();
    return this.play(key, ...request);
  }

  async play(key, path, options = {}) {
    this.stop();
    window.__lectern?.pause();
    const abort = (this.#abort = new AbortController());
    this.playing = key;
    this.isFetching = true;
    this.#changed();
    try {
      const response = await fetch(`${ROOT}${path}`, {
        credentials: "same-origin", signal: abort.signal, ...options,
      });
      if (!response.ok) throw failureOf(await response.json().catch(() => null), response.status);
      const sound = await response.blob();
      if (abort.signal.aborted) return;
      this.#url = URL.createObjectURL(sound);
      this.audio.src = this.#url;
      this.isFetching = false;
      this.#changed();
      await this.audio.play();
    } catch (error) {
      if (error.name === "AbortError") return;
      this.stop();
      throw error;
    }
  }

  stop() {
    this.#abort?.abort();
    this.audio.pause();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    if (this.playing === null) return;
    this.playing = null;
    this.isFetching = false;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

export const player = (window.__lecternPreview ??= new Player());

export const previewPath = (id) => `/preview.ogg?voice=${encodeURIComponent(id)}`;

/** Arguments that ask for the preview of a voice that is still being made. */
export const unsavedPreview = (wanted) => [
  "/preview",
  { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(wanted) },
];
