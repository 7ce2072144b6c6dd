/**
 * The system's own player: media keys, headset buttons, the lock screen.
 */

const SEEK_SECONDS = 10;

export class MediaKeys {
  #engine;

  constructor(engine) {
    this.#engine = engine;
    if (!navigator.mediaSession) return;
    this.#handle({
      play: () => engine.play(),
      pause: () => engine.pause(),
      stop: () => engine.pause(),
      previoustrack: () => engine.step(-1),
      nexttrack: () => engine.step(1),
      seekbackward: (details) => engine.skip(-(details.seekOffset ?? SEEK_SECONDS)),
      seekforward: (details) => engine.skip(details.seekOffset ?? SEEK_SECONDS),
      seekto: (details) => engine.seekTo(details.seekTime * 1000),
    });
    for (const type of ["document", "state", "chapter"]) {
      engine.addEventListener(type, () => this.#describe());
    }
    for (const type of ["state", "block", "rate"]) {
      engine.addEventListener(type, () => this.#place());
    }
  }

  #handle(actions) {
    for (const [action, handler] of Object.entries(actions)) {
      try {
        navigator.mediaSession.setActionHandler(action, handler);
      } catch {
        // This browser does not know the action; the others still work.
      }
    }
  }

  #describe() {
    const { document, chapter, wantsPlay } = this.#engine;
    if (!document) return;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: chapter?.t || document.title,
      artist: document.title,
      album: "Lectern",
      artwork: [{ src: new URL("./icon.png", import.meta.url).href, sizes: "128x128" }],
    });
    navigator.mediaSession.playbackState = wantsPlay ? "playing" : "paused";
  }

  #place() {
    const { timeline, elapsedMs, rate } = this.#engine;
    const duration = (timeline?.totalMs ?? 0) / 1000;
    if (!duration || !navigator.mediaSession.setPositionState) return;
    const position = Math.min(duration, elapsedMs / 1000);
    navigator.mediaSession.setPositionState({ duration, position, playbackRate: rate });
  }
}
