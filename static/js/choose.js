// What was chosen or dropped: {chosen: [{file, path}], left: {hidden, other, closed}}, where `left` counts
// what lies in a folder and is left out: hidden files, files that are no picture, and what could not be opened.

// Of these a browser may know another kind.
const SLIDES = /\.(dcm|zip|svs|ndpi|scn)$/i;
const HIDDEN = /^(\..*|thumbs\.db|desktop\.ini)$/i;

export function fromFiles(files) {
  return sifted(Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })), 0);
}

// The entries must be asked for before the event is over: this runs up to its first `await` within it.
export async function fromDrop(transfer) {
  const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return fromFiles(transfer.files);
  const found = (await Promise.all(entries.map((entry) => filesOf(entry)))).flat();
  const opened = found.filter(Boolean);
  return sifted(opened, found.length - opened.length);
}

// Every file below an entry as {file, path}; null for one that could not be opened.
async function filesOf(entry) {
  try {
    if (!entry.isDirectory) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      return [{ file, path: entry.fullPath.replace(/^\//, "") }];
    }
    const reader = entry.createReader();
    const found = [];
    // A reader gives a hundred at a time, and an empty list at the end.
    for (let some = await listed(reader); some.length; some = await listed(reader)) {
      for (const one of some) found.push(...(await filesOf(one)));
    }
    return found;
  } catch {
    return [null];
  }
}

function listed(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function sifted(all, closed) {
  const left = { hidden: 0, other: 0, closed };
  const chosen = all.filter(({ file, path }) => {
    const inside = path.split("/").slice(1);
    if (!inside.length) return true;
    const why = inside.some((part) => HIDDEN.test(part)) ? "hidden"
      : file.type && !file.type.startsWith("image/") && !SLIDES.test(file.name) ? "other" : "";
    if (why) left[why] += 1;
    return !why;
  });
  // Files keep the order they were chosen in; a folder has none of its own.
  if (chosen.some(({ path }) => path.includes("/"))) {
    chosen.sort((one, other) => one.path.localeCompare(other.path, "en", { numeric: true }));
  }
  return { chosen, left };
}
