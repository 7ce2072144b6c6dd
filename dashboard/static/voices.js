/**
 * The catalogue of voices: search, hear, choose, and the way to make and share one's own.
 *
 * data: {limits: {clip_bytes, clip_seconds, voice_archive_bytes}}
 */

import { button, element, icon, mounted } from "./dom.js";
import { counted } from "./format.js";
import { VoiceForm } from "./voices_form.js";
import { languageName, load, player, previewPath, primary, send, sendBytes } from "./voices_api.js";
import { ShareDialog } from "./voices_share.js";

const SEARCH_PAUSE_MS = 120;
const UNDO_MS = 12_000;
const KINDS = { mix: "Mix", reference: "Recorded", prompt: "Scene" };
const SHARED = { link: "Shared by link", workspace: "Shared here", public: "Public" };
const GENDERS = { female: "Female", male: "Male", neutral: "" };

class Voices {
  #voices = [];
  #engines = [];
  #open = new Set(); // languages whose list is open
  #rows = new Map(); // by voice id, as shown now
  #undoTimer = 0;

  constructor(parent) {
    this.search = element("input", { type: "search", placeholder: "Name, language, engine …", "aria-label": "Search voices by name, language, engine or licence", on: { input: () => this.#searchSoon() } });
    this.language = this.#select("Language");
    this.engine = this.#select("Engine");
    this.licence = this.#select("Licence");
    this.favourites = element("input", { type: "checkbox", on: { change: () => this.#show() } });
    this.notice = element("p", { class: "notice", role: "status", hidden: true });
    this.found = element("p", { class: "unseen", role: "status" });
    this.own = element("section", { class: "own", "aria-label": "Voices you made or were given" });
    this.lists = element("div", { class: "lists" });
    this.invitation = element("div", { class: "invitation", hidden: true });
    this.file = element("input", { type: "file", class: "picker", accept: ".lecternvoice", tabindex: -1, "aria-hidden": "true", on: { change: () => this.#import() } });
    this.form = new VoiceForm({ saved: (voice) => this.#saved(voice) });
    this.share = new ShareDialog({ changed: () => this.#reload() });
    this.root = element(
      "div", { class: "voices" },
      this.invitation, this.#toolbar(), this.notice, this.found, this.own, this.lists,
      this.form.dialog, this.share.dialog,
    );
    parent.append(this.root);
  }

  #select(label) {
    return element("select", { "aria-label": label, on: { change: () => this.#show() } });
  }

  #toolbar() {
    const act = (text, className, onClick) => element("button", { type: "button", class: className, text, on: { click: onClick } });
    this.make = act("Make a voice", "pill primary", () => this.form.open(this.#engines));
    this.make.disabled = true; // until it is known what can be made
    return element(
      "div", { class: "toolbar" },
      element("div", { class: "filters" }, this.search, this.language, this.engine, this.licence,
        element("label", { class: "check" }, this.favourites, "Favourites only")),
      element("div", { class: "acts" },
        this.make,
        act("Import", "pill", () => this.file.click()), this.file),
    );
  }

  apply({ limits }) {
    this.form.limits = limits ?? {};
    this.#attach();
    if (!this.#voices.length) this.#reload();
  }

  #attach() {
    if (this.stop) return;
    const { signal } = (this.stop = new AbortController());
    player.addEventListener("change", () => this.#showPlaying(), { signal });
    addEventListener("hashchange", () => this.#invite(), { signal });
    this.#invite();
  }

  detach() {
    this.stop?.abort();
    this.stop = null;
    player.stop();
  }

  async #reload() {
    try {
      const { voices, engines } = await load();
      this.#voices = voices;
      this.#engines = engines;
      this.make.disabled = false;
      // Where nothing can be made, the button explains it, and is no first choice.
      this.make.classList.toggle("primary", engines.some(({ kinds }) => kinds.length));
    } catch (error) {
      return this.#say(error.message, { isBad: true });
    }
    this.#fill(this.language, "All languages", groupsOf(this.#voices).map(([tag, , name]) => [tag, name]));
    this.#fill(this.engine, "All engines", unique(this.#voices, (voice) => voice.engine));
    this.#fill(this.licence, "Any licence", unique(this.#voices, (voice) => voice.licence));
    this.licence.hidden = this.licence.options.length < 2;
    this.engine.hidden = this.engine.options.length < 3;
    this.#show();
    return undefined;
  }

  #fill(select, all, choices) {
    const chosen = select.value;
    const options = [["", all], ...choices].map(([value, text]) => element("option", { value, text }));
    select.replaceChildren(...options);
    select.value = chosen;
    if (select.selectedIndex < 0) select.value = "";
  }

  #searchSoon() {
    clearTimeout(this.searching);
    this.searching = setTimeout(() => this.#show(), SEARCH_PAUSE_MS);
  }

  #matching() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    return this.#voices.filter((voice) => {
      if (this.language.value && primary(voice.language) !== this.language.value) return false;
      if (this.engine.value && voice.engine !== this.engine.value) return false;
      if (this.licence.value && voice.licence !== this.licence.value) return false;
      if (this.favourites.checked && !voice.favourite) return false;
      const text = `${voice.name} ${voice.language} ${languageName(primary(voice.language))} ${voice.engine} ${voice.licence} ${voice.gender} ${KINDS[voice.kind] ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  #show() {
    const matching = this.#matching();
    const custom = matching.filter((voice) => voice.custom);
    const stock = matching.filter((voice) => !voice.custom);
    this.#rows.clear();
    this.own.replaceChildren(...this.#ownSection(custom));
    const isNarrow = Boolean(this.search.value || this.language.value || this.favourites.checked);
    this.lists.replaceChildren(...this.#groups(stock, isNarrow));
    this.found.textContent = `${counted(matching.length, "voice")} found`;
    if (!matching.length) {
      this.lists.replaceChildren(element("p", { class: "none", text: "No voice fits. Search for less, or choose all languages." }));
    }
    this.#showPlaying();
  }

  #ownSection(custom) {
    if (!custom.length && !this.#voices.some((voice) => voice.custom)) {
      return [element("p", { class: "none", text: "Voices you make, import or are given appear here." })];
    }
    if (!custom.length) return [];
    const list = element("ul", { class: "rows" }, ...custom.map((voice) => this.#row(voice)));
    return [element("h2", { text: "Your voices" }), list];
  }

  #groups(voices, isOpen) {
    return groupsOf(voices).map(([tag, members, name]) => {
      const list = element("ul", { class: "rows" });
      const details = element(
        "details", { class: "group" },
        element("summary", {}, element("h2", { text: name }), element("span", { class: "count", text: String(members.length) })),
        list,
      );
      // A hundred languages of seven voices each: rows are made when they are seen.
      const fill = () => list.childElementCount || list.append(...members.map((voice) => this.#row(voice)));
      details.addEventListener("toggle", () => {
        if (details.open) fill();
        if (!isOpen) this.#open[details.open ? "add" : "delete"](tag);
        this.#showPlaying();
      });
      if (isOpen || this.#open.has(tag)) {
        fill();
        details.open = true;
      }
      return details;
    });
  }

  #row(voice) {
    const play = button({ label: `Hear ${voice.name}`, face: "play", className: "round play", onClick: () => this.#preview(voice) });
    const star = button({
      label: voice.favourite ? `${voice.name} is a favourite` : `Make ${voice.name} a favourite`,
      face: voice.favourite ? "bookmarked" : "bookmark", className: "round", onClick: () => this.#favour(voice),
    });
    star.setAttribute("aria-pressed", String(voice.favourite));
    const name = element("span", { class: "name", dir: "auto", text: voice.name });
    const about = element("div", { class: "about" }, element("div", { class: "first" }, name, ...badges(voice)), element("span", { class: "what", text: aboutWords(voice) }),
      ...(voice.description ? [element("span", { class: "what described", dir: "auto", text: voice.description })] : []));
    const row = element("li", { class: "row", "data-voice": voice.id }, play, about, element("div", { class: "acts" }, this.#defaultButton(voice), star, ...(voice.custom ? [this.#menu(voice)] : [])));
    this.#rows.set(voice.id, { row, play, voice });
    return row;
  }

  #defaultButton(voice) {
    const name = languageName(primary(voice.language));
    const isDefault = voice.default;
    return element("button", {
      type: "button", class: isDefault ? "pill small on" : "pill small", "aria-pressed": String(isDefault),
      title: isDefault ? `Reads ${name} unless a document has another voice` : `Have this voice read ${name}`,
      text: isDefault ? `Reads ${name}` : `Use for ${name}`,
      on: { click: () => this.#choose(voice) },
    });
  }

  #menu(voice) {
    const entries = voice.own
      ? [["Edit", () => this.form.open(this.#engines, voice)], ...(voice.stale ? [["Make it anew", () => this.#renew(voice)]] : []),
        ["Share", () => this.share.open(voice)], ["Export", () => exportVoice(voice)], ["Delete", () => this.#delete(voice)]]
      : [...(voice.visibility === "public" ? [["Export", () => exportVoice(voice)]] : []), ["Give up", () => this.#leave(voice)]];
    const panel = element("div", { class: "menu", popover: "auto", role: "group", "aria-label": `More for ${voice.name}` },
      ...entries.map(([text, act]) => element("button", { type: "button", class: "item", text, on: { click: () => { panel.hidePopover(); act(); } } })));
    const opener = element("button", { type: "button", class: "pill small", text: "More", "aria-label": `More for ${voice.name}`, "aria-haspopup": "true" });
    opener.popoverTargetElement = panel;
    panel.addEventListener("toggle", (event) => {
      if (event.newState !== "open") return;
      const at = opener.getBoundingClientRect();
      panel.style.left = `${Math.max(8, at.right - panel.offsetWidth)}px`;
      const below = at.bottom + 4;
      panel.style.top = `${below + panel.offsetHeight > innerHeight ? at.top - panel.offsetHeight - 4 : below}px`;
      panel.querySelector("button")?.focus();
    });
    return element("span", {}, opener, panel);
  }

  #showPlaying() {
    for (const [id, { play, voice }] of this.#rows) {
      const isIt = player.playing === id;
      const face = isIt ? "pause" : "play";
      if (play.dataset.face === face) continue;
      play.dataset.face = face;
      play.replaceChildren(icon(face));
      play.setAttribute("aria-label", isIt ? `Stop ${voice.name}` : `Hear ${voice.name}`);
      play.title = play.getAttribute("aria-label");
    }
    for (const [id, { play }] of this.#rows) play.classList.toggle("busy", player.isFetching && player.playing === id);
  }

  #preview(voice) {
    player.toggle(voice.id, previewPath(voice.id)).catch((error) => this.#say(error.message, { isBad: true }));
  }

  async #do(request, words) {
    try {
      const answer = await request;
      await this.#reload();
      if (words) this.#say(typeof words === "function" ? words(answer) : words);
      return answer;
    } catch (error) {
      this.#say(error.message, { isBad: true });
      return null;
    }
  }

  #favour(voice) {
    return this.#do(send("PUT", "/favourite", { voice: voice.id, favourite: !voice.favourite }));
  }

  #choose(voice) {
    const language = primary(voice.language);
    const chosen = voice.default ? null : voice.id;
    const words = chosen ? `${voice.name} now reads ${languageName(language)}.` : `The usual voice reads ${languageName(language)} again.`;
    return this.#do(send("PUT", "/default", { language: voice.language, voice: chosen }), words);
  }

  #renew(voice) {
    return this.#do(send("POST", `/${voice.custom}/renew`), `${voice.name} is made anew.`);
  }

  #leave(voice) {
    return this.#do(send("DELETE", `/${voice.custom}/guest`), `${voice.name} is gone from your voices.`);
  }

  async #delete(voice) {
    const done = await this.#do(send("DELETE", `/${voice.custom}`).then(() => true));
    if (!done) return;
    this.#say(`${voice.name} is deleted. What it has spoken stays.`, {
      act: "Undo",
      onAct: () => this.#do(send("POST", `/${voice.custom}/restore`), `${voice.name} is back.`),
    });
  }

  async #import() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    await this.#do(sendBytes("/archives", file), (voice) => `${voice.name} is imported. ${voice.remark ?? ""}`.trim());
  }

  #saved(voice) {
    this.#reload().then(() => {
      this.#say(`${voice.name} is saved.`);
      this.#rows.get(voice.id)?.row.scrollIntoView({ block: "nearest" });
    });
  }

  /** Offer to accept the voice that a link in the address leads to. */
  #invite() {
    const token = /^#accept=(.+)$/.exec(location.hash)?.[1];
    this.invitation.hidden = !token;
    if (!token) return;
    const forget = () => {
      history.replaceState(history.state, "", location.pathname + location.search);
      this.invitation.hidden = true;
    };
    const accept = async () => {
      const voice = await this.#do(send("POST", "/accept", { token: decodeURIComponent(token) }), (given) => `${given.name} is among your voices now.`);
      if (voice) forget();
    };
    this.invitation.replaceChildren(
      element("p", { text: "Somebody shares a voice with you." }),
      element("div", { class: "acts" },
        element("button", { type: "button", class: "pill primary", text: "Accept", on: { click: accept } }),
        element("button", { type: "button", class: "pill", text: "Not now", on: { click: forget } })),
    );
  }

  #say(words, { isBad = false, act = null, onAct = null } = {}) {
    clearTimeout(this.#undoTimer);
    this.notice.hidden = !words;
    this.notice.classList.toggle("bad", isBad);
    this.notice.replaceChildren(words);
    if (act) {
      const undo = element("button", { type: "button", class: "link", text: act });
      undo.addEventListener("click", onAct);
      this.notice.append(" ", undo);
    }
    if (!isBad) this.#undoTimer = setTimeout(() => (this.notice.hidden = true), UNDO_MS);
  }
}

/** Voices by language: those of the browser first, then by name. */
function groupsOf(voices) {
  const groups = new Map();
  for (const voice of voices) {
    const tag = primary(voice.language);
    if (!groups.has(tag)) groups.set(tag, []);
    groups.get(tag).push(voice);
  }
  const mine = navigator.languages.map(primary);
  const rank = (tag) => (mine.includes(tag) ? mine.indexOf(tag) : mine.length);
  return [...groups]
    .map(([tag, members]) => [tag, members, languageName(tag)])
    .sort((a, b) => rank(a[0]) - rank(b[0]) || a[2].localeCompare(b[2]));
}

function unique(voices, take) {
  const values = [...new Set(voices.map(take).filter(Boolean))].sort();
  return values.map((value) => [value, value]);
}

function badges(voice) {
  const badge = (text, kind) => element("span", { class: `badge ${kind}`, text });
  return [
    ...(voice.custom && !voice.own ? [badge("Given to you", "quiet")] : []),
    ...(voice.own && SHARED[voice.visibility] ? [badge(SHARED[voice.visibility], "good")] : []),
    ...(voice.stale ? [badge("Made for an older engine", "warn")] : []),
  ];
}

function aboutWords(voice) {
  const parts = [KINDS[voice.kind], GENDERS[voice.gender], languageName(voice.language), voice.engine, voice.licence];
  return parts.filter(Boolean).join(" · ");
}

function exportVoice(voice) {
  element("a", { href: `/api/voices/${voice.custom}/archive`, download: "" }).click();
}

export default function voices({ data, parentElement }) {
  const view = mounted(parentElement, (parent) => new Voices(parent));
  view.apply(data ?? {});
  return () => view.detach();
}
