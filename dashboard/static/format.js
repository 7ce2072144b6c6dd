/**
 * Numbers and kinds as words for people. Pure: no DOM, no engine.
 */

/** Return seconds as "1:02:03" or "2:03". */
export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours
    ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}`
    : `${minutes}:${rest}`;
}

/** Return seconds as a screen reader should say them: "1 hour 2 minutes". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    counted(Math.floor(whole / 3600), "hour"),
    counted(Math.floor((whole % 3600) / 60), "minute"),
    counted(whole % 60, "second"),
  ].filter((part) => !part.startsWith("0 "));
  return parts.slice(0, 2).join(" ") || "0 seconds";
}

/** Return "1 page", "2 pages". */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Return bytes as "0.4 MB", "12 MB", "1.5 GB", a kB being 1000 bytes. */
export function bytes(count) {
  if (count < 1000) return `${count} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1000;
  let unit = 0;
  while (Math.round(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ${units[unit]}`;
}

/** Return a speed as "1×", "1.25×". */
export function speed(rate) {
  return `${Number(rate.toFixed(2))}×`;
}

const REASONS = {
  furniture: "a running head, page number or margin note",
  footnote: "a footnote",
  table: "a table",
  code: "program code",
  maths: "a formula",
  caption: "a caption",
  citation: "a citation",
  note_mark: "a note mark",
  heading: "a heading",
  list: "a list",
  quote: "a quotation",
  paragraph: "a paragraph",
};

/** Return why a passage is not spoken, as a sentence. */
export function skipReason(reason) {
  return `Not spoken: ${REASONS[reason] ?? String(reason).replaceAll("_", " ")}`;
}

/** Return the first words of a text, at most `limit` characters, for a label. */
export function excerpt(text, limit = 80) {
  const flat = text.trim().replace(/\s+/g, " ");
  if (flat.length <= limit) return flat;
  const cut = flat.lastIndexOf(" ", limit - 1);
  return `${flat.slice(0, cut > limit / 2 ? cut : limit - 1)}…`;
}
