/**
 * Making a voice: a mix with sliders, a recording, or a scene; heard while it is made.
 */

import { button, element } from "./dom.js";
import { languageName, player, primary, send, sendBytes, unsavedPreview } from "./voices_api.js";
import { Recorder } from "./voices_recorder.js";

const HEAR_AFTER_MS = 350;
const MOST_PARTS = 8;
const TRY = "trying";
const TABS = [["mix", "Mix voices"], ["reference", "From a recording"], ["prompt", "From a scene"]];
const NEEDED = {
  mix: "No engine here mixes voices. Kokoro does: install it with “make kokoro”, set LECTERN_KOKORO__MODEL, and start Lectern again.",
  reference: "No engine here speaks like a recording. Higgs Audio does: run it on a speech server and name that server in LECTERN_SPEECH_SERVERS.",
  prompt: "No engine here plays a scene. Higgs Audio does: run it on a speech server and name that server in LECTERN_SPEECH_SERVERS.",
};

let numbers = 0;

/** Return a label over a field. */
function field(label, control, hint = "") {
  control.id ||= `field-${(numbers += 1)}`;
  return element("div", { class: "field" }, element("label", { for: control.id, text: label }), control, ...(hint ? [element("span", { class: "hint", text: hint })] : []));
}

const input = (properties) => element("input", { type: "text", autocomplete: "off", ...properties });

export class VoiceForm {
  limits = {};
  #engines = [];
  #voice = null; // that is changed; null makes a new one
  #kind = "mix";
  #parts = []; // {select, range, share, node}
  #clip = null;
  #hearTimer = 0;

  constructor({ saved }) {
    this.saved = saved;
    this.title = element("h2", {});
    this.tabs = element("div", { class: "tabs", role: "group", "aria-label": "How it is made" });
    this.engine = element("select", { on: { change: () => this.#engineChanged() } });
    this.name = input({ required: true, maxlength: 80 });
    this.language = element("select", { on: { change: () => this.#hearSoon() } });
    this.tag = input({ maxlength: 16, placeholder: "en, pt-br", pattern: "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*" });
    this.licence = input({ maxlength: 200, placeholder: "CC0-1.0, CC-BY-4.0 …", list: "licences" });
    this.description = input({ maxlength: 1000 });
    this.needed = element("p", { class: "needed" });
    this.body = element("div", { class: "body" });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    this.live = element("input", { type: "checkbox", checked: true });
    this.hear = button({ label: "Hear it", face: "Hear it", className: "pill", onClick: () => this.#hear() });
    this.save = element("button", { type: "submit", class: "pill primary", text: "Save" });
    this.#buildMix();
    this.#buildReference();
    this.#buildPrompt();
    const cancel = element("button", { type: "button", class: "pill", text: "Cancel", on: { click: () => this.dialog.close() } });
    this.engineField = field("Engine", this.engine);
    this.languageField = field("Language", this.language);
    this.tagField = field("Language", this.tag, "A language tag");
    this.fields = element("div", { class: "fields" }, this.engineField, this.body, element("div", { class: "two" }, field("Name", this.name), this.languageField, this.tagField), element("div", { class: "two" }, field("Licence", this.licence), field("Description", this.description)));
    const form = element(
      "form", { method: "dialog", on: { submit: (event) => this.#submit(event) } },
      this.title, this.tabs, this.needed, this.fields, this.problem,
      element("div", { class: "foot" }, element("label", { class: "check" }, this.live, "Hear changes at once"), element("span", { class: "space" }), this.hear, cancel, this.save),
    );
    this.dialog = element("dialog", { class: "dialog", "aria-label": "Make a voice", on: { close: () => this.#closed() } }, form);
    player.addEventListener("change", () => (this.hear.textContent = player.playing === TRY ? "Stop" : "Hear it"));
  }

  /** Show the form, empty or with a voice that is changed. */
  open(engines, voice = null) {
    this.#engines = engines;
    this.#voice = voice;
    this.#clip = voice?.recipe?.clip ?? null;
    this.title.textContent = voice ? `Edit ${voice.name}` : "Make a voice";
    this.name.value = voice?.name ?? "";
    this.licence.value = voice?.licence ?? "";
    this.description.value = voice?.description ?? "";
    this.tag.value = voice?.language ?? primary(navigator.language);
    this.transcript.value = this.statement.value = this.scene.value = "";
    this.recorder.reset();
    const can = TABS.map(([kind]) => kind).find((kind) => this.#makers(kind).length);
    this.#say("");
    this.#choose(voice?.kind ?? can ?? "mix");
    if (voice) this.#fill(voice);
    this.dialog.showModal();
    this.name.focus();
  }

  #makers(kind) {
    return this.#engines.filter((engine) => engine.kinds.includes(kind));
  }

  get #stock() {
    return this.#engines.find((engine) => engine.name === this.engine.value)?.parts ?? [];
  }

  #choose(kind) {
    this.#kind = kind;
    const shown = this.#voice ? [] : TABS;
    this.tabs.replaceChildren(...shown.map(([value, text]) => element("button", {
      type: "button", class: value === kind ? "tab on" : "tab", "aria-pressed": String(value === kind), text, on: { click: () => this.#choose(value) },
    })));
    const makers = this.#makers(kind);
    const away = this.#engines.map((engine) => engine.why).filter(Boolean);
    this.needed.textContent = makers.length ? "" : [NEEDED[kind], ...away].join(" ");
    this.needed.hidden = makers.length > 0;
    this.fields.hidden = this.hear.hidden = this.save.hidden = !makers.length;
    this.live.parentElement.hidden = !makers.length || kind === "reference";
    this.engine.replaceChildren(...makers.map(({ name }) => element("option", { value: name, text: name })));
    if (this.#voice) this.engine.value = this.#voice.engine;
    this.engineField.hidden = makers.length < 2 || Boolean(this.#voice);
    this.body.replaceChildren(this[`${kind}Body`]);
    this.languageField.hidden = kind !== "mix";
    this.tagField.hidden = kind === "mix";
    if (makers.length) this.#engineChanged();
  }

  #engineChanged() {
    const options = () => this.#stock.map((part) => element("option", { value: part.voice, text: `${part.name} · ${languageName(part.language)}` }));
    this.options = options;
    this.base.replaceChildren(element("option", { value: "", text: "Whichever the engine chooses" }), ...options());
    this.#parts.forEach((part) => part.node.remove());
    this.#parts = [];
    const mine = this.#stock.filter((part) => primary(part.language) === primary(navigator.language));
    const first = (mine.length > 1 ? mine : this.#stock).slice(0, 2);
    if (this.#kind === "mix" && !this.#voice) first.forEach((part) => this.#addPart(part.voice, 50));
    this.#shares();
  }

  // --- A mix -----------------------------------------------------------------------

  #buildMix() {
    this.partList = element("ul", { class: "parts" });
    this.addButton = element("button", { type: "button", class: "pill small", text: "Add a voice", on: { click: () => this.#addNext() } });
    this.mixBody = element("div", {}, this.partList, this.addButton);
  }

  #addNext() {
    const used = new Set(this.#parts.map((part) => part.select.value));
    const next = this.#stock.find((part) => !used.has(part.voice)) ?? this.#stock[0];
    if (!next) return;
    this.#addPart(next.voice, 30).select.focus();
    this.#hearSoon();
  }

  #addPart(voice, weight) {
    const select = element("select", { "aria-label": "Voice" }, ...this.options());
    select.value = voice;
    const range = element("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "Weight" });
    range.value = String(Math.round(weight));
    const share = element("output", { class: "share" });
    const part = { select, range, share };
    const remove = button({ label: "Remove this voice", face: "close", className: "round", onClick: () => this.#removePart(part) });
    part.node = element("li", { class: "part" }, select, range, share, remove);
    select.addEventListener("change", () => this.#changed());
    range.addEventListener("input", () => this.#changed());
    this.#parts.push(part);
    this.partList.append(part.node);
    this.#shares();
    return part;
  }

  #removePart(part) {
    if (this.#parts.length < 2) return;
    this.#parts = this.#parts.filter((one) => one !== part);
    part.node.remove();
    this.#changed();
    this.addButton.focus();
  }

  #changed() {
    this.#shares();
    this.#hearSoon();
  }

  #shares() {
    const total = this.#parts.reduce((sum, part) => sum + Number(part.range.value), 0);
    for (const part of this.#parts) {
      const share = total ? Math.round((Number(part.range.value) / total) * 100) : 0;
      part.share.textContent = `${share} %`;
      const name = part.select.selectedOptions[0]?.textContent ?? "";
      part.range.setAttribute("aria-label", `Weight of ${name}`);
      part.range.setAttribute("aria-valuetext", `${share} percent of the mix`);
    }
    this.addButton.hidden = this.#parts.length >= MOST_PARTS;
    const spoken = new Set(this.#parts.map((part) => this.#languageOf(part.select.value)).filter(Boolean));
    const chosen = this.language.value || this.#voice?.language;
    this.language.replaceChildren(...[...spoken].map((tag) => element("option", { value: tag, text: languageName(tag) })));
    if (spoken.has(chosen)) this.language.value = chosen;
  }

  #languageOf(voice) {
    return this.#stock.find((part) => part.voice === voice)?.language;
  }

  // --- A recording -----------------------------------------------------------------

  #buildReference() {
    this.recorder = new Recorder({ took: (file) => this.#takeClip(file), failed: (words) => this.#say(words) });
    this.transcript = element("textarea", { rows: 3, maxlength: 2000 });
    this.statement = element("textarea", { rows: 2, maxlength: 1000, placeholder: "This is my own voice, and I agree to its use here." });
    this.mode = element("select", {}, element("option", { value: "anchored", text: "Like the clip, every time" }), element("option", { value: "chained", text: "Going on from what it said before" }));
    this.referenceBody = element(
      "div", {}, this.recorder.node,
      field("What is said in it, word for word", this.transcript),
      field("Consent of whoever speaks", this.statement, "Kept with the voice, and shown with it wherever it goes"),
      field("How it reads on", this.mode),
    );
  }

  async #takeClip(file) {
    const most = this.limits.clip_bytes ?? Infinity;
    if (file.size > most) return this.#say("The recording is too large. A minute of speech is enough.");
    this.#say("");
    try {
      const { clip, duration_ms: ms } = await sendBytes("/clips", file);
      this.#clip = clip;
      this.recorder.show(`/api/voices/clips/${clip}.wav`, ms);
    } catch (error) {
      this.#say(error.message);
    }
    return undefined;
  }

  // --- A scene ---------------------------------------------------------------------

  #buildPrompt() {
    this.scene = element("textarea", { rows: 4, maxlength: 2000, placeholder: "A calm reader in a small quiet room, close to the microphone." });
    this.base = element("select", {});
    const number = (label, value, properties) => {
      const control = element("input", { type: "number", value, required: true, ...properties });
      return [control, field(label, control)];
    };
    const [temperature, a] = number("Temperature", 0.3, { min: 0, max: 2, step: 0.05 });
    const [topP, b] = number("Top p", 0.95, { min: 0.05, max: 1, step: 0.01 });
    const [topK, c] = number("Top k", 50, { min: 1, max: 1000, step: 1 });
    const [seed, d] = number("Seed", 42, { min: 0, max: 2147483647, step: 1 });
    this.sampling = { temperature, top_p: topP, top_k: topK, seed };
    this.promptBody = element("div", {}, field("Scene", this.scene), field("Voice", this.base), element("div", { class: "four" }, a, b, c, d));
    this.promptBody.addEventListener("change", () => this.#hearSoon());
  }

  // --- All of them -----------------------------------------------------------------

  #fill(voice) {
    const { recipe } = voice;
    if (voice.kind === "mix") {
      for (const [name, weight] of Object.entries(recipe.weights)) this.#addPart(name, weight * 100);
      this.language.value = voice.language;
    } else if (voice.kind === "reference") {
      this.transcript.value = recipe.transcript;
      this.statement.value = recipe.consent.statement;
      this.mode.value = recipe.mode;
      this.recorder.show(null, 0);
    } else {
      this.scene.value = recipe.scene;
      this.base.value = recipe.voice;
      for (const [name, control] of Object.entries(this.sampling)) control.value = recipe.sampling[name];
    }
  }

  #recipe() {
    if (this.#kind === "mix") {
      const weights = {};
      for (const { select, range } of this.#parts) weights[select.value] = (weights[select.value] ?? 0) + Number(range.value);
      return { kind: "mix", weights };
    }
    if (this.#kind === "reference") {
      if (!this.#clip) throw new Error("Record or choose a clip first.");
      if (!this.transcript.value.trim()) throw new Error("Write down what is said in the clip.");
      if (this.statement.value.trim().length < 10) throw new Error("Say who speaks, and that they agree to its use.");
      const before = this.#voice?.recipe?.consent;
      const isSame = before?.statement === this.statement.value;
      const on = isSame ? before.on : new Date().toISOString().slice(0, 10);
      return { kind: "reference", clip: this.#clip, transcript: this.transcript.value, consent: { statement: this.statement.value, on }, mode: this.mode.value };
    }
    if (!this.scene.value.trim()) throw new Error("Describe the scene first.");
    const sampling = Object.fromEntries(Object.entries(this.sampling).map(([name, control]) => [name, Number(control.value)]));
    return { kind: "prompt", scene: this.scene.value, voice: this.base.value, sampling };
  }

  #wanted() {
    const language = this.#kind === "mix" ? this.language.value : this.tag.value.trim();
    return { engine: this.engine.value, language, recipe: this.#recipe(), licence: this.licence.value, description: this.description.value };
  }

  #hearSoon() {
    clearTimeout(this.#hearTimer);
    if (!this.live.checked || !this.dialog.open) return;
    this.#hearTimer = setTimeout(() => this.#hear({ again: true }), HEAR_AFTER_MS);
  }

  async #hear({ again = false } = {}) {
    if (player.playing === TRY && !again) return player.stop();
    try {
      await player.play(TRY, ...unsavedPreview({ ...this.#wanted(), name: this.name.value.trim() || "Unnamed" }));
      this.#say("");
    } catch (error) {
      this.#say(error.message);
    }
    return undefined;
  }

  async #submit(event) {
    event.preventDefault();
    this.save.disabled = true;
    try {
      const wanted = { ...this.#wanted(), name: this.name.value.trim() };
      const { engine: _engine, ...changes } = wanted;
      const voice = this.#voice
        ? await send("PATCH", `/${this.#voice.custom}`, changes)
        : await send("POST", "", wanted);
      this.dialog.close();
      this.saved(voice);
    } catch (error) {
      this.#say(error.message);
    } finally {
      this.save.disabled = false;
    }
  }

  #say(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
  }

  #closed() {
    clearTimeout(this.#hearTimer);
    this.recorder.reset();
    player.stop();
  }
}
