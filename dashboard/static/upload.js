/**
 * Adding documents: drop them anywhere on the page, choose files or a folder, and see
 * what is happening to each.
 *
 * data: {limits: {upload_bytes, piece_bytes}, accept: ".pdf,.epub,…",
 *        recognisers: [{name, label, quote}], the first one being this machine's,
 *        fetches: whether pages of the web are taken}
 * triggers: uploaded ([document ids]), pasted (text, or true to open the dialog),
 *           addressed (true to open the dialog)
 */

import { button, element, icon, mounted } from "./dom.js";
import { filesOfDrop, filesOfFolder, sortOut } from "./dropped.js";
import { bytes, counted } from "./format.js";
import { transfers } from "./transfer.js";

/** Good news stays this long; anything else until it is cleared. */
const DONE_STAYS_MS = 6000;
/** One line beside the buttons; the whole list is in its tooltip. */
const KINDS = "PDF, EPUB, Word, web pages, text or scans";
const ALL_KINDS = "PDF, EPUB, Word, OpenDocument, slides, web pages, Markdown, text, scans and photos";

class Upload {
  #rows = new Map();
  #leave = null;
  #accept = "";
  #trigger = () => {};
  #dragDepth = 0;

  constructor(parent) {
    this.files = this.#input({ multiple: true });
    this.folder = this.#input({ webkitdirectory: true });
    this.limit = element("p", { class: "limit" });
    this.list = element("ul", { class: "rows", "aria-label": "Files being added" });
    this.clear = element("button", { type: "button", class: "link", text: "Clear the list", hidden: true });
    this.clear.addEventListener("click", () => transfers.clear());
    this.said = element("p", { class: "unseen", role: "status" });
    this.overlay = element(
      "div",
      { class: "overlay", popover: "manual" }, // the top layer: above all of the page
      element("div", { class: "target" }, icon("upload"), element("strong", { text: "Drop to add to your library" })),
    );
    this.zone = element(
      "section",
      { class: "upload", "aria-label": "Add documents" },
      this.#invitation(), this.#readers(), this.files, this.folder, this.list, this.clear, this.said, this.overlay,
    );
    parent.append(this.zone);
  }

  #input(properties) {
    const input = element("input", { type: "file", class: "picker", tabindex: -1, "aria-hidden": "true", ...properties });
    input.addEventListener("change", () => {
      const chosen = properties.webkitdirectory ? filesOfFolder(input.files) : [...input.files];
      input.value = "";
      this.#take(chosen);
    });
    return input;
  }

  #invitation() {
    const choose = (text, className, onClick) =>
      element("button", { type: "button", class: className, text, on: { click: onClick } });
    return element(
      "div",
      { class: "zone" },
      element("span", { class: "mark" }, icon("upload")),
      element("div", { class: "words" }, element("p", { class: "lead", text: "Drop documents anywhere on this page" }), this.limit),
      element(
        "div",
        { class: "choices" },
        choose("Choose files", "choose primary", () => this.files.click()),
        choose("Choose a folder", "choose", () => this.folder.click()),
        choose("Paste text", "choose", () => this.#trigger("pasted", true)),
        (this.web = choose("Web address", "choose", () => this.#trigger("addressed", true))),
      ),
    );
  }

  /** Who reads scans, where there is a choice, with what it costs. */
  #readers() {
    this.reader = element("select", { id: "reader" });
    this.quote = element("span", { class: "quote", role: "status" });
    this.reader.addEventListener("change", () => this.#choose());
    this.readers = element(
      "p", { class: "readers", hidden: true },
      element("label", { for: "reader", text: "Scans are read by" }), this.reader, this.quote,
    );
    return this.readers;
  }

  #offer(recognisers) {
    this.readers.hidden = recognisers.length < 2;
    const known = [...this.reader.options].map((option) => option.value).join();
    this.offers = new Map(recognisers.map((one) => [one.name, one]));
    if (known !== [...this.offers.keys()].join()) {
      const options = recognisers.map(({ name, label }) => element("option", { value: name, text: label }));
      this.reader.replaceChildren(...options);
      if (this.offers.has(transfers.recogniser)) this.reader.value = transfers.recogniser;
    }
    this.#choose();
  }

  #choose() {
    transfers.recogniser = this.reader.value;
    this.quote.textContent = this.offers.get(this.reader.value)?.quote ?? "";
  }

  apply({ limits, accept, recognisers, fetches }, setTrigger) {
    Object.assign(transfers.limits, limits ?? {});
    this.web.hidden = !fetches;
    this.#accept = accept ?? "";
    this.files.accept = this.#accept;
    this.#trigger = setTrigger ?? (() => {});
    const most = transfers.limits.upload_bytes;
    const upTo = Number.isFinite(most) ? `, up to ${bytes(most)}` : "";
    this.limit.textContent = `${KINDS}${upTo}`;
    this.limit.title = ALL_KINDS;
    this.#offer(recognisers ?? []);
    this.#attach();
    this.#show();
    this.#tell();
  }

  #attach() {
    if (this.#leave) return;
    const { signal } = (this.stop = new AbortController());
    const on = (type, listener) => addEventListener(type, listener, { signal });
    on("dragenter", (event) => this.#dragged(event, 1));
    on("dragleave", (event) => this.#dragged(event, -1));
    on("dragover", (event) => hasFiles(event) && event.preventDefault());
    on("drop", (event) => this.#dropped(event));
    on("paste", (event) => this.#pasted(event));
    transfers.addEventListener("change", () => this.#show(), { signal });
    transfers.addEventListener("arrived", () => this.#tell(), { signal });
    this.#leave = () => this.stop.abort();
  }

  detach() {
    this.#leave?.();
    this.#leave = null;
    this.#endDrag();
  }

  #dragged(event, step) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#dragDepth = Math.max(0, this.#dragDepth + step);
    this.overlay.togglePopover(this.#dragDepth > 0);
  }

  #endDrag() {
    this.#dragDepth = 0;
    if (this.overlay.isConnected) this.overlay.togglePopover(false);
  }

  async #dropped(event) {
    if (!hasFiles(event)) return;
    event.preventDefault();
    this.#endDrag();
    this.#take(await filesOfDrop(event.dataTransfer));
  }

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) return this.#take(files);
    if (event.composedPath().some(isField)) return undefined;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.trim()) this.#trigger("pasted", text);
    return undefined;
  }

  #take(files) {
    const { taken, left } = sortOut(files, this.#accept);
    if (left.length) this.#say(`${counted(left.length, "file")} of other kinds left out`);
    if (taken.length) transfers.add(taken);
    else if (!left.length && files.length === 0) this.#say("There were no files in it");
  }

  #say(words) {
    this.said.textContent = words;
    this.limit.textContent = words;
  }

  /** Tell the page which documents arrived, so that it shows them. */
  #tell() {
    const arrived = transfers.takeArrived();
    if (arrived.length) this.#trigger("uploaded", arrived);
  }

  #show() {
    for (const [transfer, row] of this.#rows) {
      if (transfers.list.includes(transfer)) continue;
      row.node.remove();
      this.#rows.delete(transfer);
    }
    for (const transfer of transfers.list) this.#row(transfer).show();
    const ended = transfers.list.filter((transfer) => !transfer.isActive);
    this.clear.hidden = ended.length === 0;
  }

  #row(transfer) {
    if (!this.#rows.has(transfer)) {
      const row = new Row(transfer, (words) => (this.said.textContent = words));
      this.#rows.set(transfer, row);
      this.list.append(row.node);
    }
    return this.#rows.get(transfer);
  }
}

/** One file's line: its name, what is happening to it, and a way to stop that. */
class Row {
  #said = null;

  constructor(transfer, announce) {
    this.transfer = transfer;
    this.announce = announce;
    const { name, size } = transfer.file;
    this.mark = element("span", { class: "mark" }, icon("page"));
    this.what = element("span", { class: "what" });
    this.meter = element("progress", { max: 1, value: 0, "aria-label": `Upload of ${name}` });
    this.stop = button({
      label: `Cancel ${name}`, face: "close", className: "small",
      onClick: () => transfers.cancel(transfer),
    });
    this.again = button({
      label: `Try ${name} again`, face: "retry", className: "small",
      onClick: () => transfers.retry(transfer),
    });
    this.dismiss = button({
      label: `Dismiss ${name}`, face: "close", className: "small",
      onClick: () => transfers.dismiss(transfer),
    });
    this.node = element(
      "li",
      { class: "row" },
      this.mark,
      element(
        "div",
        { class: "about" },
        element("div", { class: "first" }, element("span", { class: "name", text: name, title: name, dir: "auto" }), element("span", { class: "size", text: bytes(size) })),
        this.meter,
        this.what,
      ),
      this.again,
      this.stop,
      this.dismiss,
    );
  }

  show() {
    const { transfer } = this;
    const { state } = transfer;
    this.node.dataset.state = state;
    this.what.textContent = stateWords(transfer);
    this.meter.hidden = !transfer.isActive;
    if (state === "checking" || state === "waiting") this.meter.removeAttribute("value");
    else this.meter.value = transfer.share;
    this.stop.hidden = !transfer.isActive;
    this.again.hidden = !transfer.isRetryable;
    this.dismiss.hidden = transfer.isActive;
    if (state !== this.#said) this.#changed(state);
  }

  #changed(state) {
    this.#said = state;
    const marks = { done: "check", already: "check", refused: "warning" };
    this.mark.replaceChildren(icon(marks[state] ?? "page"));
    if (!this.transfer.isActive) this.announce(`${this.transfer.file.name}: ${stateWords(this.transfer)}`);
    if (state === "done") setTimeout(() => this.#fade(), DONE_STAYS_MS);
  }

  #fade() {
    transfers.dismiss(this.transfer);
    this.node.remove();
  }
}

function stateWords(transfer) {
  const { state, share, document: added, message } = transfer;
  const words = {
    waiting: "Waiting its turn",
    uploading: share ? `Uploading, ${Math.floor(share * 100)} %` : "Reading the file",
    resuming: "The connection broke; going on as soon as it is back",
    checking: "Checking",
    done: "Added to your library",
    already: `Already in your library${added?.title ? ` as “${added.title}”` : ""}`,
    refused: message,
    stopped: "Cancelled",
  };
  return words[state];
}

function hasFiles(event) {
  return [...(event.dataTransfer?.types ?? [])].includes("Files");
}

function isField(node) {
  return node instanceof Element && (node.matches("input,textarea") || node.isContentEditable);
}

export default function upload({ data, parentElement, setTriggerValue }) {
  const view = mounted(parentElement, (parent) => new Upload(parent));
  view.apply(data ?? {}, setTriggerValue);
  return () => view.detach();
}
