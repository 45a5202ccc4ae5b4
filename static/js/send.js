// Sends one file and returns its verdict: {outcome, reason, url, …}; {trouble} where nobody could be asked, so that
// it is worth waiting and sending again; {stopped: true} where the reader stopped it. XMLHttpRequest, for fetch
// tells no progress. Sending twice is harmless: the same bytes in the same case are the existing record.

import { fetchPage } from "./fetch-page.js";

const NOT_REACHED = "The portal could not be reached. Check the network, then try again.";
const NOT_UNDERSTOOD = "The portal gave no answer that this page understands. Reload the page, then try again.";
// A line that has gone dead says nothing. Reading a large image behind others may take minutes.
const SENDING_MS = 60_000;
const READING_MS = 600_000;
const AWAY = [502, 503, 504];

export async function send(form, asked, signal, onProgress) {
  const first = await post(form, asked, signal, onProgress);
  if (!mayBeOurFault(first)) return first.answer;
  // The line broke, the page's token has become too old, or the login has ended: ask for the page to know.
  const { page, trouble } = await fetchPage();
  if (trouble) return { trouble };
  takeToken(form, page);
  return signal.aborted ? { stopped: true } : (await post(form, asked, signal, onProgress)).answer;
}

export function takeToken(form, page) {
  form.elements.csrf_token.value = page.querySelector(`#${form.id} [name=csrf_token]`).value;
}

function mayBeOurFault({ status, answer }) {
  return (status === 0 || status === 400) && !answer.file && !answer.stopped;
}

function post(form, asked, signal, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    let silence;
    const watch = (ms) => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), ms);
    };
    const end = (status, answer) => {
      clearTimeout(silence);
      resolve({ status, answer });
    };
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
    request.upload.addEventListener("progress", (event) => {
      watch(SENDING_MS);
      onProgress(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => watch(READING_MS));
    request.addEventListener("load", () => end(request.status, read(request)));
    request.addEventListener("error", () => end(0, { outcome: "error", reason: NOT_REACHED }));
    request.addEventListener("abort", () =>
      end(0, signal.aborted ? { stopped: true } : { outcome: "error", reason: NOT_REACHED }));
    signal.addEventListener("abort", () => request.abort());
    watch(SENDING_MS);
    request.send(body(form, asked));
  });
}

function body(form, { file, model, umPerPx }) {
  const data = new FormData();
  data.append("csrf_token", form.elements.csrf_token.value);
  data.append("model", model);
  data.append("um_per_px", umPerPx);
  data.append("images", file, file.name);
  return data;
}

function read(request) {
  if (new URL(request.responseURL).pathname === "/login") return { trouble: "login" };
  try {
    const answer = JSON.parse(request.responseText);
    if (answer.files?.[0]) return answer.files[0];
    if (AWAY.includes(request.status)) return { trouble: "portal" };
    return { outcome: "error", reason: answer.reason ?? NOT_UNDERSTOOD };
  } catch {
    return AWAY.includes(request.status) ? { trouble: "portal" } : { outcome: "error", reason: NOT_UNDERSTOOD };
  }
}
