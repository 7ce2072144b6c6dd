/**
 * A recording for a voice: from the microphone or from a file, and heard again.
 */

import { element } from "./dom.js";
import { clock } from "./format.js";

const ADVICE = "Ten seconds of clear speech, without music or noise.";

export class Recorder {
  #recording = null; // MediaRecorder
  #turn = 0; // counts resets: what was begun before one is of no use after it

  constructor({ took, failed }) {
    this.took = took;
    this.failed = failed;
    this.record = element("button", { type: "button", class: "pill small", text: "Record", on: { click: () => this.toggle() } });
    this.file = element("input", { type: "file", class: "picker", accept: "audio/*", tabindex: -1, "aria-hidden": "true", on: { change: () => this.#chosen() } });
    const choose = element("button", { type: "button", class: "pill small", text: "Choose a file", on: { click: () => this.file.click() } });
    this.words = element("span", { class: "hint", role: "status", text: ADVICE });
    this.audio = element("audio", { controls: true, hidden: true, "aria-label": "The recording" });
    this.node = element("div", { class: "recorder" }, this.record, choose, this.file, this.words, this.audio);
    this.record.hidden = !navigator.mediaDevices?.getUserMedia || !window.MediaRecorder;
  }

  #chosen() {
    const [file] = this.file.files;
    this.file.value = "";
    if (file) this.took(file);
  }

  async toggle() {
    if (this.#recording) return this.stop();
    const turn = this.#turn;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (turn !== this.#turn) return stream.getTracks().forEach((track) => track.stop());
      const pieces = [];
      const recording = (this.#recording = new MediaRecorder(stream));
      recording.addEventListener("dataavailable", (event) => pieces.push(event.data));
      recording.addEventListener("stop", () => {
        stream.getTracks().forEach((track) => track.stop());
        if (turn === this.#turn) this.took(new Blob(pieces, { type: recording.mimeType }));
      });
      recording.start();
      this.record.textContent = "Stop";
      this.words.textContent = "Recording. Speak now.";
    } catch {
      this.failed("The microphone cannot be used. Allow it in the browser, or choose a file.");
    }
    return undefined;
  }

  stop() {
    if (!this.#recording) return;
    this.#recording.stop();
    this.#recording = null;
    this.record.textContent = "Record again";
    this.words.textContent = "";
  }

  /** Begin anew; a recording that goes on is ended and dropped. */
  reset() {
    this.#turn += 1;
    this.stop();
    this.record.textContent = "Record";
    this.words.textContent = ADVICE;
    this.audio.hidden = true;
    this.audio.removeAttribute("src");
  }

  /** Show the recording that is kept; without an address, only that there is one. */
  show(address, ms) {
    this.words.textContent = address ? `${clock(ms / 1000)} kept.` : "The recording is kept. Choose another to replace it.";
    this.audio.hidden = !address;
    if (address) this.audio.src = address;
  }
}
