/**
 * What was dropped or chosen, as plain files: folders opened, system files left out.
 */

const HIDDEN = /^(\.|~\$|Thumbs\.db$|desktop\.ini$|__MACOSX$)/;

/** Return the files of a drop; folders are walked. Call within the event. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile())
    .filter(Boolean);
  const found = await Promise.all(entries.map((entry) => filesOf(entry)));
  return found.flat();
}

async function filesOf(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const inside = await children(entry);
  const wanted = inside.filter((child) => !HIDDEN.test(child.name));
  const found = await Promise.all(wanted.map((child) => filesOf(child)));
  return found.flat().map((file) => fromFolder(file));
}

/** A folder is read in portions; the last one is empty. */
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

const fromFolders = new WeakSet();

function fromFolder(file) {
  fromFolders.add(file);
  return file;
}

/** Return the files of a folder's choice, marked as such. */
export function filesOfFolder(list) {
  const isShown = (file) => !file.webkitRelativePath.split("/").some((name) => HIDDEN.test(name));
  return [...list].filter(isShown).map((file) => fromFolder(file));
}

/**
 * Split files into {taken, left}.
 *
 * A file that was named by hand is always tried, as its content decides. Of a folder
 * only the endings that we know are taken: it may hold anything.
 */
export function sortOut(files, accept) {
  const endings = accept.split(",").map((ending) => ending.trim().toLowerCase()).filter(Boolean);
  const isKnown = (file) => endings.some((ending) => file.name.toLowerCase().endsWith(ending));
  const isTaken = (file) => !endings.length || !fromFolders.has(file) || isKnown(file);
  return { taken: files.filter(isTaken), left: files.filter((file) => !isTaken(file)) };
}
