/**
 * A document's blocks as elements: paragraphs with a span for each block, headings,
 * lists, quotations, code and tables, in chunks that the browser lays out only when
 * they come near the window.
 *
 * Text nodes only: what a document says is never markup.
 */

import { element } from "./dom.js";
import { skipReason } from "./format.js";
import { isSpoken } from "./timeline.js";

const CHUNK_BLOCKS = 40;
const SAFE_LINK = /^(https?|mailto):/i;
const OWN_MARKER = /^\s*([•◦▪‣·*–—-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s/i;
const UNSPACED = new Set(["zh", "ja", "th", "lo", "km", "my"]);
const SPAN_TAGS = { emphasis: "em", strong: "strong", inline_code: "code" };
/** Average characters of one line of the column; only guesses chunk heights. */
const LINE_CHARS = 68;

/**
 * Return {fragment, spans}: the document's elements, and the element of each block.
 */
export function buildText({ blocks, language }) {
  const fragment = document.createDocumentFragment();
  const spans = new Array(blocks.length);
  const context = { spans, language, hasPages: hasPages(blocks), page: blocks[0]?.p };
  let chunk = null;
  for (const paragraph of paragraphs(blocks)) {
    if (!chunk || isFull(chunk, paragraph[0])) {
      chunk = { node: element("div", { class: "chunk" }), blocks: 0, lines: 0, list: null };
      fragment.append(chunk.node);
    }
    addParagraph(chunk, paragraph, context);
  }
  return { fragment, spans };
}

function hasPages(blocks) {
  return blocks.length > 0 && blocks.at(-1).p > blocks[0].p;
}

/** Yield runs of blocks that were cut from one paragraph. */
function* paragraphs(blocks) {
  let run = [];
  for (const block of blocks) {
    const previous = run.at(-1);
    if (previous && (previous.g !== block.g || previous.k !== block.k)) {
      yield run;
      run = [];
    }
    run.push(block);
  }
  if (run.length) yield run;
}

/** A list may run over a chunk's end, so that its items stay together. */
function isFull(chunk, block) {
  const limit = chunk.list && block.k === "list" ? 4 * CHUNK_BLOCKS : CHUNK_BLOCKS;
  return chunk.blocks >= limit;
}

function addParagraph(chunk, paragraph, context) {
  const [first] = paragraph;
  const { outer, inner } = paragraphElement(first);
  outer.classList.add("paragraph");
  if (paragraph.length === 1) outer.classList.add("single");
  if (first.r) outer.dir = "rtl";
  if (first.n && first.n !== context.language) outer.lang = first.n;
  addBlocks(inner, paragraph, context);
  chunk.blocks += paragraph.length;
  for (const block of paragraph) chunk.lines += 0.4 + block.t.length / LINE_CHARS;
  chunk.node.style.setProperty("--lines", Math.ceil(chunk.lines + 1));
  if (first.k === "list") listOf(chunk).append(outer);
  else {
    chunk.list = null;
    chunk.node.append(outer);
  }
}

function listOf(chunk) {
  if (!chunk.list) {
    chunk.list = element("div", { class: "list", role: "list" });
    chunk.node.append(chunk.list);
  }
  return chunk.list;
}

/** Return the paragraph's element, and the one its blocks go into. */
function paragraphElement(block) {
  const build = ELEMENTS[block.k] ?? ELEMENTS.paragraph;
  const built = build(block);
  return built.outer ? built : { outer: built, inner: built };
}

const ELEMENTS = {
  paragraph: () => element("p"),
  heading: (block) => element(`h${Math.max(1, Math.min(4, block.l || 1))}`),
  list: listItem,
  quote: () => {
    const inner = element("p");
    return { outer: element("blockquote", {}, inner), inner };
  },
  code: () => {
    const inner = element("code");
    return { outer: element("pre", { class: "code" }, inner), inner };
  },
  table: () => element("pre", { class: "table" }),
  caption: () => element("p", { class: "caption" }),
  footnote: () => element("p", { class: "footnote" }),
  maths: () => element("p", { class: "maths" }),
  furniture: () => element("p", { class: "furniture" }),
};

function listItem(block) {
  const depth = Math.max(1, block.l || 1);
  const marked = OWN_MARKER.test(block.t) ? "item marked" : "item";
  const item = element("div", { class: marked, role: "listitem" });
  item.style.setProperty("--depth", depth);
  return item;
}

function addBlocks(parent, paragraph, context) {
  paragraph.forEach((block, place) => {
    if (place > 0) parent.append(separator(block));
    const span = blockSpan(block);
    if (context.hasPages && block.p !== context.page) span.dataset.page = `Page ${block.p}`;
    context.page = block.p;
    context.spans[block.i] = span;
    parent.append(span);
  });
}

function separator(block) {
  if (block.k === "code" || block.k === "table") return "\n";
  return UNSPACED.has((block.n ?? "").slice(0, 2)) ? "" : " ";
}

function blockSpan(block) {
  const span = element("span", { class: "block", "data-block": block.i });
  if (!isSpoken(block)) {
    const reason = skipReason(block.x);
    span.classList.add("skipped");
    span.title = reason;
    span.setAttribute("aria-description", reason);
  }
  if (block.s?.length) addSpans(span, block.t, block.s);
  else span.textContent = block.t;
  return span;
}

/** Add text with its marked stretches; where they overlap, the outermost counts.
 *
 * What a filter says otherwise is only a hint, and gives way to every other mark. */
function addSpans(parent, text, spans) {
  const marks = spans.filter(([, , kind]) => kind !== "said");
  const hints = spans.filter(
    ([start, end, kind]) => kind === "said" && !marks.some((mark) => mark[0] < end && mark[1] > start),
  );
  const ordered = [...marks, ...hints].sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  let at = 0;
  for (const [start, end, kind, target] of ordered) {
    if (start < at || end > text.length || end <= start) continue;
    if (start > at) parent.append(text.slice(at, start));
    parent.append(marked(text.slice(start, end), kind, target));
    at = end;
  }
  if (at < text.length) parent.append(text.slice(at));
}

function marked(text, kind, target) {
  if (kind === "link" && SAFE_LINK.test(target ?? "")) {
    return element("a", { href: target, rel: "noopener noreferrer", target: "_blank", text });
  }
  const title = kind === "said" ? (target ? `Said: ${target}` : "Not said") : null;
  return element(SPAN_TAGS[kind] ?? "span", { class: `mark-${kind}`, title, text });
}

/**
 * Return the character of a block's shown text at a caret, or null.
 *
 * A caret right after a word means that word: it was pointed at on its last letter.
 */
export function charAt(span, node, offset) {
  if (!span.contains(node)) return null;
  const walker = document.createTreeWalker(span, NodeFilter.SHOW_TEXT);
  let before = 0;
  for (let text = walker.nextNode(); text && text !== node; text = walker.nextNode()) {
    before += text.length;
  }
  const char = before + offset;
  const shown = span.textContent;
  const isAfterWord = char > 0 && !/\S/.test(shown[char] ?? " ") && /\S/.test(shown[char - 1]);
  return isAfterWord ? char - 1 : char;
}

/** Return a Range over characters start…end of a block's shown text. */
export function rangeOf(span, start, end) {
  const range = document.createRange();
  const walker = document.createTreeWalker(span, NodeFilter.SHOW_TEXT);
  let before = 0;
  let begun = false;
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const after = before + text.length;
    if (!begun && start < after) {
      range.setStart(text, start - before);
      begun = true;
    }
    if (begun) range.setEnd(text, Math.min(end, after) - before);
    if (end <= after) break;
    before = after;
  }
  return begun ? range : null;
}
