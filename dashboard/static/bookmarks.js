/**
 * The bookmarks of one document, kept on the server.
 */

import { documentPath, getJson, sendJson } from "./api.js";

export class Bookmarks {
  list = [];
  #documentId = null;

  /** Load a document's bookmarks; none while that goes on. */
  async load(documentId) {
    this.#documentId = documentId;
    this.list = [];
    const { bookmarks } = await getJson(documentPath(documentId, "bookmarks"));
    if (this.#documentId === documentId) this.list = sorted(bookmarks);
  }

  /** The bookmark in a block, if there is one. */
  inBlock(index) {
    return this.list.find((bookmark) => bookmark.block === index) ?? null;
  }

  async add({ block, offsetMs, label }) {
    const path = documentPath(this.#documentId, "bookmarks");
    const place = { block, offset_ms: Math.round(offsetMs), label };
    this.list = sorted([...this.list, await sendJson("POST", path, place)]);
  }

  async remove(id) {
    await sendJson("DELETE", `/api/bookmarks/${encodeURIComponent(id)}`);
    this.list = this.list.filter((bookmark) => bookmark.id !== id);
  }
}

function sorted(bookmarks) {
  return [...bookmarks].sort((a, b) => a.block - b.block || a.offset_ms - b.offset_ms);
}
