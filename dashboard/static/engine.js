/**
 * The player of a tab: one engine, whatever Streamlit reruns or which page is open.
 *
 * Holds the open document, the listener's place in it and the choice to play; joins
 * the parts that fetch, sound, report and listen to the server. Views subscribe:
 *
 *   document   another document, voice or policy      state      see `state`
 *   block      the place moved to another block       chapter    … to another chapter
 *   word       the word that is heard changed         time       a quarter second went by
 *   voiced     more blocks can be heard               rate, volume, sleep, bookmarks
 *   follow     the page follows the voice, or not     notice     words to show for a moment
 *   help       show the keyboard help                 position   the place moved in a block
 *
 * `state` is one of: empty · opening · preparing · paused · waiting (for a block that is
 * not voiced yet) · playing · ended · failed (with `error`).
 */

import { documentPath, getJson, sendJson } from "./api.js";
import { Bookmarks } from "./bookmarks.js";
import { Cursor, savedCursor } from "./cursor.js";
import { clock, excerpt, speed } from "./format.js";
import { Keyboard } from "./keyboard.js";
import { Live } from "./live.js";
import { MediaKeys } from "./media_keys.js";
import { recall, remember } from "./memory.js";
import { OtherTabs } from "./other_tabs.js";
import { Place } from "./place.js";
import { PlayRequests } from "./play_requests.js";
import { Playback } from "./playback.js";
import { SleepTimer } from "./sleep.js";
import { Timeline } from "./timeline.js";
import { shownRange } from "./words.js";

const PULSE_MS = 250;
const HEARTBEAT_MS = 5000;
const REST_AFTER_MS = 60_000;
const CATCH_UP_AGAIN_MS = 700;
const SAME_PLACE_MS = 1500;
const END_MS = 50;
const SLOWEST = 0.5;
const FASTEST = 3.5;
/** A silence between blocks that is longer than this was heard. */
const GAP_MS = 250;
const TRACE_LENGTH = 1000;
/** Used only for blocks whose word times did not arrive. */
const MS_PER_WORD = 380;

export class Engine extends EventTarget {
  document = null;
  timeline = null;
  state = "empty";
  error = null; // {message, retry}
  preparing = null; // {step, message, done, total}
  place = new Place();
  chapterNumber = -1; // of the chapter it is in
  word = -1; // number of the word that is heard, in the block's Words
  wantsPlay = false;
  following = true;
  bookmarks = new Bookmarks();
  sleep = new SleepTimer();
  trace = []; // what happened when, for measuring and for bug reports

  #placeOnceReady = null; // saved, of a document that has no text yet
  #revision = null; // of what is spoken, as the server last stated it
  #opening = 0;
  #openingId = null;
  #readers = 0;
  #pulseTimer = 0;
  #restTimer = 0;
  #heartbeatAt = 0;
  #startedAt = 0;
  #askedAt = 0; // since when sound is waited for, after play was pressed
  #ranOutAt = 0; // since when there is nothing to play, in the middle of listening

  constructor() {
    super();
    this.rate = 1;
    this.playback = new Playback({
      finished: () => this.#finished(),
      played: (fromMs, toMs, sound) => this.#played(fromMs, toMs, sound),
      sounding: (details) => this.#sounding(details),
      failed: (error) => this.#soundFailed(error),
      lost: () => this.#soundLost(),
    });
    this.live = new Live({
      ready: (blocks) => this.#blocksReady(blocks),
      state: (progress) => this.#progressed(progress),
      lost: () => this.#note("live-lost"),
    });
    this.cursor = new Cursor({
      snapshot: () => this.#snapshot(),
      lost: (error) => this.#cursorLost(error),
    });
    this.deck.setVolume({ volume: recall("volume", 1) });
    this.keyboard = new Keyboard(this);
    this.mediaKeys = new MediaKeys(this);
    this.otherTabs = new OtherTabs(this);
    this.playRequests = new PlayRequests(this);
    this.#watchPage();
  }

  on(type, listener) {
    this.addEventListener(type, listener);
    return () => this.removeEventListener(type, listener);
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // --- Opening ---------------------------------------------------------------------

  /** Open a document at its saved place; the open one only changes its voice. */
  async open(id, { voice = null } = {}) {
    const isSame = this.#openingId === id && this.state !== "failed";
    if (isSame && (!voice || voice === this.voiceWanted)) return;
    this.voiceWanted = voice;
    if (isSame && this.document) await this.reload();
    else await this.#openAnew(id);
  }

  async #openAnew(id) {
    this.#leave();
    this.#openingId = id;
    const opening = ++this.#opening;
    this.#setState("opening");
    try {
      const [manifest, saved] = await Promise.all([this.#manifest(id), savedCursor(id)]);
      if (opening !== this.#opening) return;
      this.#restoreRate(id, saved?.rate);
      this.#adopt(manifest, { index: saved?.block ?? 0, offsetMs: saved?.offset_ms ?? 0 });
    } catch (error) {
      if (opening === this.#opening) this.#fail(error, () => this.#openAnew(id));
    }
    this.bookmarks.load(id).then(() => this.emit("bookmarks"), () => {});
  }

  /** Load the manifest again and keep the place: another voice, another policy. */
  async reload() {
    const id = this.#openingId;
    const opening = ++this.#opening;
    const place = this.#placeOnceReady ?? this.#placeAsChar();
    this.#keepOffset();
    this.playback.silence();
    try {
      const manifest = await this.#manifest(id);
      if (opening === this.#opening) this.#adopt(manifest, place);
    } catch (error) {
      if (opening === this.#opening) this.#fail(error, () => this.reload());
    }
  }

  /** Choose what is spoken, skipped or announced: {kind: action}. */
  async setPolicy(changes) {
    const path = documentPath(this.document.id, "policy");
    await sendJson("PUT", path, { ...this.document.policy, ...changes });
    await this.reload();
  }

  #manifest(id) {
    return getJson(documentPath(id, "manifest", { voice: this.voiceWanted }));
  }

  /** Take a manifest as the open document, at a place. */
  #adopt(manifest, place) {
    this.playback.reset();
    this.#revision = null;
    this.#placeOnceReady = manifest.blocks.length ? null : place;
    this.error = null;
    this.document = manifest;
    this.timeline = new Timeline(manifest.blocks, manifest.chapters ?? []);
    this.live.open(manifest.id, manifest.voice);
    this.#settle(place);
    this.emit("document");
    this.#moved();
    this.#adoptState(manifest);
  }

  #adoptState(manifest) {
    if (manifest.state === "failed") {
      const message = manifest.error?.message ?? "This document could not be prepared.";
      this.#fail(new Error(message), () => this.reload());
    } else if (manifest.state === "preparing") this.#setState("preparing");
    else if (this.index < 0) this.#fail(new Error("Nothing in this document is spoken."));
    else {
      this.cursor.post();
      if (this.wantsPlay) this.#sound();
      else this.#setState("paused");
    }
  }

  #settle(wanted) {
    this.place.settle(this.timeline, wanted);
    this.word = -1;
  }

  #leave() {
    this.#postLast();
    this.playback.reset();
    this.wantsPlay = false;
    this.live.close();
    this.document = null;
    this.timeline = null;
    this.place = new Place();
    this.preparing = null;
    this.following = true;
    this.emit("document");
  }

  /** Remember where in the block the deck is, before it is emptied or paused. */
  #keepOffset() {
    if (this.playback.isOnDeck) this.place.offsetMs = this.playback.positionMs;
  }

  // --- Playing ---------------------------------------------------------------------

  toggle() {
    if (this.wantsPlay) this.pause();
    else if (this.state === "failed") this.error.retry?.();
    else this.play();
  }

  /** Play from the place; while the document is prepared, as soon as it is ready. */
  play() {
    if (!this.document || this.wantsPlay) return;
    this.deck.unlock();
    this.wantsPlay = true;
    this.error = null;
    if (this.state === "preparing") return this.#setState("preparing");
    if (this.index < 0) return undefined;
    if (this.#isAtEnd) return this.jump(this.timeline.spokenFrom(0), { play: true });
    if (!this.playback.resume()) {
      this.#askedAt = performance.now();
      this.#sound();
    }
    this.cursor.post();
    return undefined;
  }

  get #isAtEnd() {
    const endMs = this.timeline.durationMs(this.index) - END_MS;
    return this.index === this.timeline.last && this.offsetMs >= endMs;
  }

  pause() {
    if (!this.wantsPlay) return;
    this.wantsPlay = false;
    this.#stopWaiting();
    this.playback.pause();
    this.#setState(this.state === "preparing" ? "preparing" : "paused");
    this.cursor.post();
  }

  /**
   * Go to a block and, unless told otherwise, play on as before.
   *
   * `shownChar` asks for the word at that character; it wins over `offsetMs`. A return
   * to an earlier place is not one to come back from.
   */
  jump(index, options = {}) {
    const { offsetMs = 0, shownChar = null, play = this.wantsPlay, isReturn = false } = options;
    if (!this.timeline || this.timeline.last < 0) return;
    const from = { index: this.index, offsetMs: this.offsetMs };
    this.playback.leave();
    this.#stopWaiting();
    this.#settle({ index, offsetMs, shownChar });
    if (!isReturn && Math.abs(this.index - from.index) > 1) this.place.remember(from);
    this.wantsPlay = play;
    this.error = null;
    this.#startedAt = performance.now();
    this.playback.abortPending(this.index);
    this.#moved();
    if (play) this.#sound();
    else this.#setState("paused");
    this.playback.refill(this.index, this.timeline);
    this.cursor.post();
  }

  /** Go to the next spoken block, or the one before. */
  step(count) {
    const next = this.timeline?.step(this.index, count) ?? -1;
    if (next < 0) return;
    this.setFollowing(true);
    this.jump(next);
  }

  /** Go to the next chapter, the start of this one, or the one before. */
  stepChapter(count) {
    const next = this.timeline?.chapterStep(this.index, count) ?? null;
    if (next === null) return;
    this.setFollowing(true);
    this.jump(next);
  }

  /** Go forward (or back) by seconds of audio, across blocks. */
  skip(seconds) {
    if (this.timeline) this.seekTo(this.elapsedMs + seconds * 1000);
  }

  /** Go to a time from the document's start, in milliseconds at normal speed. */
  seekTo(ms) {
    if (!this.timeline) return;
    const { index, offsetMs } = this.timeline.at(ms);
    this.setFollowing(true);
    this.jump(index, { offsetMs });
  }

  /** Return to where the listener was before the last jump. */
  goBack() {
    const before = this.place.back();
    if (!before) return;
    this.setFollowing(true);
    this.jump(before.index, { offsetMs: before.offsetMs, isReturn: true });
    this.notice("Back to where you were");
  }

  /** Sound the block at the place, or wait until it is voiced. */
  #sound() {
    this.#setState("waiting");
    const { block, timeline } = this;
    const { index, offsetMs, shownChar } = this.place;
    this.playback.play({ index, block, timeline, offsetMs, shownChar });
  }

  #sounding({ gap }) {
    const waited = this.#startedAt ? performance.now() - this.#startedAt : null;
    this.#note("sounding", { gap, waited });
    this.#startedAt = 0;
    if (this.#askedAt) this.cursor.waited(performance.now() - this.#askedAt);
    this.#stopWaiting();
    this.place.shownChar = null;
    if (this.wantsPlay) this.#setState("playing");
  }

  /** Sound came, or the listener gave it up; a gap that was heard is counted. */
  #stopWaiting() {
    if (this.#ranOutAt && performance.now() - this.#ranOutAt > GAP_MS) this.cursor.ranOut();
    this.#askedAt = 0;
    this.#ranOutAt = 0;
  }

  #finished() {
    const next = this.timeline.spokenFrom(this.index + 1);
    if (next < 0) return this.#end();
    const isChapterOver = next >= this.timeline.chapterEnd(this.index);
    this.#settle({ index: next });
    if (this.sleep.untilChapterEnd && isChapterOver) this.#sleepHere();
    else if (!this.playback.goOn(next, this.timeline)) {
      this.#ranOutAt = performance.now();
      this.#sound();
    }
    this.#moved();
    return undefined;
  }

  #sleepHere() {
    this.playback.leave();
    this.#fallAsleep();
  }

  #end() {
    this.playback.leave();
    this.wantsPlay = false;
    this.place.offsetMs = this.timeline.durationMs(this.index);
    this.#setState("ended");
    this.cursor.post();
  }

  #soundFailed(error) {
    this.#note("sound-failed", { message: String(error?.message ?? error) });
    if (error?.name === "NotAllowedError") return this.#askForTouch();
    const message = error?.status === undefined ? "This passage could not be played." : error.message;
    return this.#fail(new Error(message), () => this.play());
  }

  /** The server forgot a sound that it had promised; it makes it again when told. */
  #soundLost() {
    this.#setState("waiting");
    this.cursor.post();
  }

  #askForTouch() {
    this.wantsPlay = false;
    this.#stopWaiting();
    this.#setState("paused");
    this.notice("Press play: the browser lets a page sound only after a touch.");
  }

  // --- What the server says --------------------------------------------------------

  #blocksReady(blocks) {
    if (!this.timeline) return;
    this.playback.take(blocks);
    for (const [index, , durationMs] of blocks) this.timeline.setDuration(index, durationMs);
    this.#note("ready", { count: blocks.length });
    this.emit("voiced");
    const isWaited = this.state === "waiting" && blocks.some(([index]) => index === this.index);
    if (this.wantsPlay && isWaited && !this.playback.isOnDeck) this.#sound();
    this.playback.refill(this.index, this.timeline);
  }

  #progressed(progress) {
    const isOther = this.#revision !== null && progress.revision !== this.#revision;
    this.#revision = progress.revision ?? null;
    if (this.document?.state === "ready" && isOther) this.reload(); // changed elsewhere
    if (this.document?.state !== "preparing") return;
    this.preparing = progress;
    if (progress.state === "ready" || progress.state === "failed") this.reload();
    else this.#setState("preparing");
  }

  #cursorLost(error) {
    this.#note("cursor-lost", { message: error.message });
    const isGone = error.status === 404;
    if (isGone || this.state === "waiting") this.#fail(error, () => this.play());
  }

  /** What the server is to know; null when there is nothing to tell. */
  #snapshot() {
    if (this.document?.state !== "ready" || this.index < 0) return null;
    this.deck.settle();
    this.#heartbeatAt = performance.now();
    return {
      documentId: this.document.id,
      block: this.index,
      offset_ms: Math.round(this.offsetMs),
      playing: this.wantsPlay,
      rate: this.rate,
      voice: this.document.voice,
    };
  }

  #played(fromMs, toMs, sound) {
    const block = this.block;
    if (!block) return;
    const words = sound?.words?.begunBetween(fromMs, toMs);
    this.cursor.heard(toMs - fromMs, words ?? Math.round((toMs - fromMs) / MS_PER_WORD));
  }

  /** Take over the place from another device, unless this one is in use. */
  async #catchUp({ tries = 3 } = {}) {
    const id = this.document?.id;
    if (!id || this.wantsPlay || this.document.state !== "ready") return;
    if (!this.cursor.isSettled) {
      if (tries > 1) setTimeout(() => this.#catchUp({ tries: tries - 1 }), CATCH_UP_AGAIN_MS);
      return;
    }
    const saved = await savedCursor(id).catch(() => null);
    if (!saved || this.document?.id !== id || this.wantsPlay || !this.cursor.isSettled) return;
    const isElsewhere =
      saved.block !== this.index || Math.abs(saved.offset_ms - this.offsetMs) > SAME_PLACE_MS;
    if (!isElsewhere || this.timeline.spokenFrom(saved.block) !== saved.block) return;
    this.place.remember({ index: this.index, offsetMs: this.offsetMs });
    this.playback.leave();
    this.#settle({ index: saved.block, offsetMs: saved.offset_ms });
    this.#moved();
    this.#setState("paused");
    this.playback.refill(this.index, this.timeline);
    this.notice("Moved to where you stopped on another device");
  }

  // --- Where things stand ----------------------------------------------------------

  /** Of the block at the place; -1 while there is none. */
  get index() {
    return this.place.index;
  }

  get block() {
    return this.document?.blocks[this.index] ?? null;
  }

  get offsetMs() {
    return this.playback.isOnDeck ? this.playback.positionMs : this.place.offsetMs;
  }

  get elapsedMs() {
    return this.timeline && this.index >= 0 ? this.timeline.startMs(this.index) + this.offsetMs : 0;
  }

  get chapter() {
    return this.timeline?.chapters[this.timeline.chapterOf(this.index)] ?? null;
  }

  get deck() {
    return this.playback.deck;
  }

  get volume() {
    return this.deck.volume;
  }

  get muted() {
    return this.deck.muted;
  }

  isVoiced(index) {
    return this.playback.isVoiced(index);
  }

  /** Start and end in the shown text of the word that is heard, or null. */
  get shownWord() {
    const words = this.playback.sound?.words;
    if (!words || this.word < 0) return null;
    return shownRange(this.block, words.startChars[this.word], words.endChars[this.word]);
  }

  #placeAsChar() {
    const place = { index: this.index, offsetMs: this.offsetMs, shownChar: this.place.shownChar };
    const word = this.shownWord;
    return word ? { ...place, shownChar: word[0] } : place;
  }

  // --- Choices ---------------------------------------------------------------------

  setRate(rate) {
    this.rate = Math.round(Math.max(SLOWEST, Math.min(FASTEST, rate)) * 20) / 20;
    this.deck.setRate(this.rate);
    remember("rate", this.rate);
    if (this.document) remember(`rate.${this.document.id}`, this.rate);
    this.emit("rate");
    this.notice(`Speed ${speed(this.rate)}`);
    this.cursor.post();
  }

  #restoreRate(id, saved) {
    this.rate = saved ?? recall(`rate.${id}`) ?? recall("rate", 1);
    this.deck.setRate(this.rate);
    this.emit("rate");
  }

  setVolume(volume) {
    const wanted = Math.round(Math.max(0, Math.min(1, volume)) * 100) / 100;
    this.deck.setVolume({ volume: wanted, muted: false });
    remember("volume", wanted);
    this.emit("volume");
  }

  toggleMute() {
    this.deck.setVolume({ muted: !this.deck.muted });
    this.emit("volume");
  }

  setFollowing(following) {
    if (this.following === following && !following) return;
    this.following = following;
    this.emit("follow");
  }

  /** A reader is on the page; returns what to call when it goes. */
  addReader() {
    this.#readers += 1;
    this.emit("follow");
    return () => {
      this.#readers -= 1;
      this.emit("follow");
    };
  }

  get hasReader() {
    return this.#readers > 0;
  }

  /** Sleep after minutes, at the "chapter"'s end, or (null) not at all. */
  setSleep(choice) {
    if (choice === null) this.sleep.clear();
    else if (choice === "chapter") this.sleep.setChapterEnd();
    else this.sleep.setMinutes(choice);
    this.deck.setVolume({ fade: 1 });
    this.emit("sleep");
  }

  /** Bookmark the place, or remove the bookmark that this block has. */
  async toggleBookmark() {
    if (!this.block) return;
    const existing = this.bookmarks.inBlock(this.index);
    const place = { block: this.index, offsetMs: this.offsetMs, label: excerpt(this.block.t) };
    try {
      if (existing) await this.bookmarks.remove(existing.id);
      else await this.bookmarks.add(place);
      this.notice(existing ? "Bookmark removed" : `Bookmark set at ${clock(this.elapsedMs / 1000)}`);
    } catch (error) {
      this.notice(error.message);
    }
    this.emit("bookmarks");
  }

  async removeBookmark(id) {
    await this.bookmarks.remove(id).catch((error) => this.notice(error.message));
    this.emit("bookmarks");
  }

  notice(message) {
    this.emit("notice", message);
  }

  // --- The clock, and the page coming and going ------------------------------------

  #setState(state) {
    const isNew = state !== this.state;
    this.state = state;
    if (isNew) this.#note("state", { state });
    clearInterval(this.#pulseTimer);
    if (this.wantsPlay) this.#pulseTimer = setInterval(() => this.#pulse(), PULSE_MS);
    if (state === "playing" && isNew) this.#followWords();
    this.emit("state");
  }

  #moved() {
    const chapter = this.timeline ? this.timeline.chapterOf(this.index) : -1;
    this.#note("block");
    this.emit("block");
    this.emit("word");
    if (chapter !== this.chapterNumber) {
      this.chapterNumber = chapter;
      this.emit("chapter");
    }
  }

  #followWords() {
    if (this.state !== "playing") return;
    const word = this.playback.sound?.words?.at(this.playback.positionMs) ?? -1;
    if (word !== this.word) {
      this.word = word;
      this.emit("word");
    }
    requestAnimationFrame(() => this.#followWords());
  }

  #pulse() {
    this.emit("time");
    this.#checkSleep();
    const isDue = performance.now() - this.#heartbeatAt >= HEARTBEAT_MS;
    if (isDue && this.wantsPlay) this.cursor.post();
  }

  #checkSleep() {
    if (!this.sleep.isSet || this.state !== "playing") return;
    const chapterEndMs = this.timeline.startMs(this.timeline.chapterEnd(this.index));
    const leftMs = this.sleep.leftMs((chapterEndMs - this.elapsedMs) / this.rate);
    this.deck.setVolume({ fade: SleepTimer.fadeAt(leftMs) });
    if (leftMs <= 0 && !this.sleep.untilChapterEnd) this.#fallAsleep();
    this.emit("sleep");
  }

  #fallAsleep() {
    this.pause();
    this.setSleep(null);
    this.notice("Good night. Press play to go on.");
  }

  #fail(error, retry = null) {
    this.#keepOffset();
    this.#stopWaiting();
    this.playback.leave();
    this.wantsPlay = false;
    this.error = { message: error.message, retry };
    this.#setState("failed");
  }

  #note(event, details = {}) {
    this.trace.push({ event, at: performance.now(), index: this.index, ...details });
    if (this.trace.length > TRACE_LENGTH) this.trace.shift();
  }

  #watchPage() {
    addEventListener("pagehide", () => this.#postLast());
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
    addEventListener("focus", () => this.#catchUp());
    const unlock = () => this.deck.unlock();
    addEventListener("pointerdown", unlock, { capture: true, once: true });
    addEventListener("keydown", unlock, { capture: true, once: true });
  }

  #postLast() {
    this.deck.settle();
    this.cursor.postLast({ isPlaying: this.wantsPlay });
  }

  #visibilityChanged() {
    clearTimeout(this.#restTimer);
    if (document.visibilityState === "visible") {
      this.live.reopen();
      this.#catchUp();
      return;
    }
    this.#postLast();
    this.#restTimer = setTimeout(() => this.wantsPlay || this.live.rest(), REST_AFTER_MS);
  }
}

/** The one engine of this tab, even when this module is loaded under two addresses. */
export const engine = (window.__lectern ??= new Engine());
