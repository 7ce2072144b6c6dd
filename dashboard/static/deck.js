/**
 * Two audio elements that take turns, so that one block follows another without a gap:
 * while one sounds, the next is loaded into the other and started as the first ends.
 *
 * Plain elements and no Web Audio: pitch is kept at every speed, and phones go on
 * playing when the screen is off. Knows sounds and milliseconds, not documents.
 */

/** Start the next sound this long before the end; every block ends in a silence. */
const LEAD_MS = 12;
/** Ends nearer than this are waited for with a timer of their own. */
const WATCH_MS = 700;

export class Deck {
  #players;
  #active = 0;
  #endTimer = 0;
  #markMs = 0;
  #unlocked = false;

  /**
   * `handlers`: finished(sound) the sound is over; played(fromMs, toMs) a stretch was
   * really heard; sounding() sound is coming out; broken(error) it cannot be played.
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.rate = 1;
    this.volume = 1;
    this.fade = 1; // multiplies the volume; the sleep timer turns it down
    this.muted = false;
    this.gap = null; // ms of silence before the newest sound; negative is overlap
    this.#players = [this.#newPlayer(0), this.#newPlayer(1)];
  }

  #newPlayer(side) {
    const audio = new Audio();
    audio.preload = "auto";
    audio.preservesPitch = true;
    const player = { audio, sound: null, isOver: true, endsAt: 0 };
    audio.addEventListener("ended", () => this.#finish(side));
    audio.addEventListener("timeupdate", () => this.#watch(side));
    audio.addEventListener("playing", () => this.#sounding(side));
    audio.addEventListener("error", () => this.#broken(side));
    return player;
  }

  get #player() {
    return this.#players[this.#active];
  }

  /** The sound that is on, whether it plays or is paused. */
  get sound() {
    return this.#player.isOver ? null : this.#player.sound;
  }

  get positionMs() {
    return this.#player.audio.currentTime * 1000;
  }

  get isPlaying() {
    return !this.#player.audio.paused && !this.#player.isOver;
  }

  /** Sounds that an element holds and that must stay fetched. */
  get held() {
    return new Set(this.#players.map((player) => player.sound).filter(Boolean));
  }

  /** Play a fetched sound from `offsetMs`; rejects when the browser refuses. */
  async start(sound, offsetMs) {
    this.pause();
    this.gap = null;
    const other = 1 - this.#active;
    if (this.#player.sound !== sound && this.#players[other].sound === sound) {
      this.#active = other;
    }
    this.#load(this.#player, sound);
    const { audio } = this.#player;
    const seconds = Math.max(0, offsetMs / 1000);
    if (Math.abs(audio.currentTime - seconds) > 0.001) audio.currentTime = seconds;
    this.#markMs = offsetMs;
    await this.#play(this.#player);
  }

  /** Go on with the sound that is on. */
  async resume() {
    this.#markMs = this.positionMs;
    await this.#play(this.#player);
  }

  /** Load the sound that comes after this one into the idle element. */
  arm(sound) {
    const idle = this.#players[1 - this.#active];
    // Its last milliseconds may still be heard; the tail is silence.
    if (idle.sound !== sound) this.#load(idle, sound);
  }

  /** Play the armed sound as the next one; false when another one is armed. */
  swap(sound) {
    const next = this.#players[1 - this.#active];
    if (next.sound !== sound || next.audio.readyState < 2) return false;
    const endsAt = this.#player.endsAt || performance.now();
    this.#active = 1 - this.#active;
    this.#markMs = 0;
    if (next.audio.currentTime > 0) next.audio.currentTime = 0;
    next.followsAt = endsAt;
    this.#play(next).catch((error) => this.handlers.broken(error));
    return true;
  }

  pause() {
    clearTimeout(this.#endTimer);
    this.#account();
    this.#players.forEach(({ audio }) => audio.pause());
  }

  /** Forget all sounds; the elements fall silent. */
  empty() {
    this.pause();
    for (const player of this.#players) {
      player.sound = null;
      player.isOver = true;
      player.audio.removeAttribute("src");
      player.audio.load();
    }
  }

  /** Report what has been heard since the last report. */
  settle() {
    if (this.isPlaying) this.#account();
  }

  setRate(rate) {
    this.rate = rate;
    this.#players.forEach((player) => this.#tune(player));
    clearTimeout(this.#endTimer);
  }

  setVolume({ volume = this.volume, muted = this.muted, fade = this.fade }) {
    Object.assign(this, { volume, muted, fade });
    this.#players.forEach((player) => this.#tune(player));
  }

  #load(player, sound) {
    if (player.sound !== sound) {
      player.sound = sound;
      player.audio.src = sound.url;
    }
    player.isOver = false;
    player.endsAt = 0;
    player.followsAt = 0;
    this.#tune(player);
  }

  #tune({ audio }) {
    audio.defaultPlaybackRate = this.rate; // loading resets playbackRate to this
    audio.playbackRate = this.rate;
    audio.volume = Math.max(0, Math.min(1, this.volume * this.fade));
    audio.muted = this.muted;
  }

  async #play(player) {
    player.isOver = false;
    this.#tune(player);
    try {
      await player.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") throw error; // paused again before it began
    }
  }

  #account() {
    const now = this.positionMs;
    if (now > this.#markMs) this.handlers.played(this.#markMs, now, this.#player.sound);
    this.#markMs = now;
  }

  #watch(side) {
    if (side !== this.#active || !this.isPlaying) return;
    this.#account();
    const { audio } = this.#player;
    const leftMs = ((audio.duration - audio.currentTime) / this.rate) * 1000;
    if (!(leftMs < WATCH_MS)) return;
    clearTimeout(this.#endTimer);
    this.#player.endsAt = performance.now() + leftMs;
    this.#endTimer = setTimeout(() => this.#finish(side), Math.max(0, leftMs - LEAD_MS));
  }

  #finish(side) {
    const player = this.#players[side];
    if (side !== this.#active || player.isOver) return;
    clearTimeout(this.#endTimer);
    const endMs = player.audio.duration * 1000;
    if (endMs > this.#markMs) this.handlers.played(this.#markMs, endMs, player.sound);
    this.#markMs = endMs;
    player.isOver = true;
    this.handlers.finished(player.sound);
  }

  #sounding(side) {
    const player = this.#players[side];
    if (side !== this.#active || !player.sound) return;
    // Without something to follow it began, or went on after a hitch.
    this.gap = player.followsAt ? performance.now() - player.followsAt : null;
    player.followsAt = 0;
    this.handlers.sounding();
  }

  #broken(side) {
    const player = this.#players[side];
    if (!player.sound) return; // emptied on purpose
    player.sound = null;
    if (side === this.#active) this.handlers.broken(player.audio.error);
  }

  /** Let both elements play later without a touch; call within a person's gesture. */
  unlock() {
    if (this.#unlocked) return;
    this.#unlocked = true;
    for (const player of this.#players) {
      if (player.sound) continue;
      player.audio.src = silenceUrl();
      const settled = () => player.sound ?? player.audio.pause();
      // Refused: it was no touch after all, and the next one is to try again.
      player.audio.play().then(settled, (error) => (this.#unlocked &&= error.name === "AbortError"));
    }
  }
}

let silence = null;

/** Return the address of a WAV of one silent sample. */
function silenceUrl() {
  if (silence) return silence;
  const view = new DataView(new ArrayBuffer(46));
  const ascii = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  ascii(0, "RIFF");
  view.setUint32(4, 38, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // mono
  view.setUint32(24, 48_000, true);
  view.setUint32(28, 96_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, "data");
  view.setUint32(40, 2, true);
  silence = URL.createObjectURL(new Blob([view.buffer], { type: "audio/wav" }));
  return silence;
}
