// Sends one slide in pieces and returns its verdict, as send.js does for an image. How much of it is there, the portal
// says: after a reload, a new login, a dead line or a restart it is asked anew and the file goes on from there.

import { fetchPage } from "./fetch-page.js";
import { inWords } from "./pace.js";
import { takeToken } from "./send.js";
import { size } from "./sizes.js";

const HEAD = 65_536;
const PIECE_MS = 120_000;
const AWAY = [502, 503, 504];
const MOST_BEGINNINGS = 3;
const GAVE_UP = "The portal lost what was sent, several times. Try again later, or tell your administrator.";
const NOT_UNDERSTOOD = "The portal gave no answer that this page understands. Reload the page, then try again.";
const CHANGED = "The file cannot be read any more: it was changed, moved or deleted. Choose it again.";

export function isSlide(form, file) {
  const name = file.name.toLowerCase();
  const names = form.dataset.slides.split(" ");
  const large = file.size > Number(form.dataset.megabytes) * 1e6 && /\.tiff?$/.test(name);
  return large || names.some((one) => name.endsWith(one));
}

export async function deliver(form, asked, signal, tell) {
  for (let time = 0; time < MOST_BEGINNINGS; time += 1) {
    const begun = await post(form, beginning(form, asked), asked.file.slice(0, HEAD), signal);
    const end = begun.delivery ? await sendPieces(form, asked.file, begun, signal, tell) : begun;
    if (!end.gone) return verdict(end, asked);
  }
  return verdict({ reason: GAVE_UP }, asked);
}

async function sendPieces(form, file, begun, signal, tell) {
  const speed = new Speed(begun.received);
  let known = begun;
  while (known.received < file.size) {
    tell(known.received / file.size, speed.words(known.received, file.size));
    const piece = file.slice(known.received, known.received + begun.piece);
    const answer = await post(form, `${begun.pieces}?offset=${known.received}`, piece, signal);
    if (answer.received === undefined) return answer;
    known = answer;
  }
  return { arrived: true };
}

function beginning(form, { file, model, umPerPx }) {
  const said = new URLSearchParams({ name: file.name, size: file.size, model, um_per_px: umPerPx });
  return `${form.dataset.deliveries}?${said}`;
}

function verdict(end, { file, model }) {
  if (end.trouble || end.stopped) return end;
  if (end.arrived) {
    return { outcome: "arrived", reason: "It is being taken in; you may leave this page.", model };
  }
  return { outcome: "error", file: file.name, reason: end.reason ?? NOT_UNDERSTOOD, code: end.code };
}

// What the portal said; {trouble}, {stopped} or {gone} where it could not be asked or no longer knows of the file.
async function post(form, address, piece, signal) {
  const first = await tryPost(form, address, piece, signal);
  if (first.status !== 400) return first.said;
  // The page's token has become too old.
  const { page, trouble } = await fetchPage();
  if (trouble) return { trouble };
  takeToken(form, page);
  return (await tryPost(form, address, piece, signal)).said;
}

async function tryPost(form, address, piece, signal) {
  const headers = {
    Accept: "application/json",
    "Content-Type": "application/octet-stream",
    "X-CSRFToken": form.elements.csrf_token.value,
  };
  const options = { method: "POST", headers, signal: AbortSignal.any([signal, AbortSignal.timeout(PIECE_MS)]) };
  try {
    const body = await piece.arrayBuffer();
    const answer = await fetch(address, { ...options, body });
    if (new URL(answer.url).pathname === "/login") return { said: { trouble: "login" } };
    if (answer.status === 404) return { said: { gone: true } };
    if (AWAY.includes(answer.status)) return { said: { trouble: "portal" } };
    return { status: answer.status, said: await answer.json().catch(() => ({})) };
  } catch (problem) {
    if (signal.aborted) return { said: { stopped: true } };
    return { said: problem.name === "NotReadableError" || problem.name === "NotFoundError" ? { reason: CHANGED } : { trouble: "network" } };
  }
}

class Speed {
  constructor(received) {
    this.before = received;
    this.since = performance.now();
  }

  words(received, whole) {
    const here = `${size(received)} of ${size(whole)}`;
    const seconds = (performance.now() - this.since) / 1000;
    const rate = (received - this.before) / seconds;
    if (seconds < 2 || !rate) return here;
    return `${here}, ${size(rate)} per second. ${inWords((1000 * (whole - received)) / rate)} left`;
  }
}
