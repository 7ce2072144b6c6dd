/**
 * Who else may use a voice: nobody, those with a link, everybody here; links taken back.
 */

import { element } from "./dom.js";
import { counted } from "./format.js";
import { fetchJson, send } from "./voices_api.js";

const CHOICES = [
  ["private", "Only you", "Links are taken back."],
  ["link", "People with a link", "They use it until you take the link back."],
  ["workspace", "Everybody here", "They use it, and cannot take it away."],
  ["public", "Everybody here, to take away", "They may also export it as a file."],
];

export class ShareDialog {
  #voice = null;

  constructor({ changed }) {
    this.changed = changed;
    this.title = element("h2", {});
    this.choices = element("fieldset", { class: "choices" });
    this.links = element("ul", { class: "links", "aria-label": "Links" });
    this.make = element("button", { type: "button", class: "pill small", text: "New link", on: { click: () => this.#makeLink() } });
    this.fresh = element("div", { class: "fresh", hidden: true });
    this.problem = element("p", { class: "problem", role: "alert", hidden: true });
    const done = element("button", { type: "button", class: "pill primary", text: "Done", on: { click: () => this.dialog.close() } });
    this.dialog = element("dialog", { class: "dialog", "aria-label": "Share a voice", on: { close: () => this.changed() } },
      this.title, this.choices, this.links, this.make, this.fresh, this.problem, element("div", { class: "foot" }, element("span", { class: "space" }), done));
  }

  async open(voice) {
    this.#voice = voice;
    this.title.textContent = `Share ${voice.name}`;
    this.fresh.hidden = true;
    this.problem.hidden = true;
    this.#showChoices(voice.visibility);
    this.dialog.showModal();
    await this.#try(() => this.#showLinks());
  }

  #showChoices(chosen) {
    this.choices.replaceChildren(element("legend", { class: "unseen", text: "Who may use it" }), ...CHOICES.map(([value, name, words]) => {
      const radio = element("input", { type: "radio", name: "visibility", value, checked: value === chosen });
      radio.addEventListener("change", () => this.#try(() => this.#setVisibility(value)));
      return element("label", { class: "choice" }, radio, element("span", {}, element("strong", { text: name }), element("span", { class: "hint", text: words })));
    }));
  }

  async #setVisibility(visibility) {
    if (visibility === "link") await this.#makeLink();
    else await send("PUT", `/${this.#voice.custom}/visibility`, { visibility });
    await this.#showLinks();
  }

  async #showLinks() {
    const links = await fetchJson(`/${this.#voice.custom}/links`);
    this.links.replaceChildren(...links.map((link) => {
      const when = new Date(link.created_at).toLocaleDateString(undefined, { dateStyle: "medium" });
      const words = `Link of ${when} · ${link.guests ? `accepted by ${counted(link.guests, "person").replace("persons", "people")}` : "not accepted yet"}`;
      const revoke = element("button", { type: "button", class: "pill small", text: "Take back", on: { click: () => this.#try(() => this.#revoke(link)) } });
      return element("li", {}, element("span", { text: words }), revoke);
    }));
  }

  async #makeLink() {
    return this.#try(async () => {
      const { path } = await send("POST", `/${this.#voice.custom}/links`);
      const address = element("input", { type: "text", readonly: true, value: location.origin + path, "aria-label": "Link to this voice" });
      const copy = element("button", { type: "button", class: "pill small", text: "Copy" });
      copy.addEventListener("click", async () => {
        address.select();
        await navigator.clipboard?.writeText(address.value).catch(() => {});
        copy.textContent = "Copied";
      });
      this.fresh.replaceChildren(element("p", { text: "Copy the link now: it is shown this once." }), element("div", { class: "copy" }, address, copy));
      this.fresh.hidden = false;
      const radio = this.choices.querySelector("input[value=private]:checked");
      if (radio) this.#showChoices("link");
      await this.#showLinks();
    });
  }

  async #revoke(link) {
    await send("DELETE", `/${this.#voice.custom}/links/${link.id}`);
    this.fresh.hidden = true;
    await this.#showLinks();
    const isLink = this.choices.querySelector("input[value=link]:checked");
    if (isLink && !this.links.childElementCount) this.#showChoices("private");
  }

  async #try(act) {
    this.problem.hidden = true;
    try {
      await act();
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }
}
