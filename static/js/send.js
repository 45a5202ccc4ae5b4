// Sends one file and returns its verdict: {outcome, reason, url, …}. XMLHttpRequest, for fetch tells no progress.

import { fetchPage } from "./fetch-page.js";

const LOGGED_OUT = "You were logged out. Log in again in another tab, then try again here.";
const NOT_REACHED = "The portal could not be reached. Check the network, then try again.";
const NOT_UNDERSTOOD = "The portal gave no answer that this page understands. Reload the page, then try again.";

export async function send(form, file, signal, onProgress) {
  const first = await post(form, file, signal, onProgress);
  if (first.status !== 400 || first.verdict.file) return first.verdict;
  // The page's token has become too old, or the login behind it has ended: ask for the page again to know.
  const refreshed = await refreshToken(form);
  return refreshed ? (await post(form, file, signal, onProgress)).verdict : { outcome: "error", reason: LOGGED_OUT };
}

async function refreshToken(form) {
  const page = await fetchPage().catch(() => null);
  if (page) form.elements.csrf_token.value = page.querySelector(`#${form.id} [name=csrf_token]`).value;
  return page !== null;
}

function post(form, file, signal, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const fail = (reason) => resolve({ status: 0, verdict: { outcome: "error", reason } });
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", form.elements.csrf_token.value);
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    request.addEventListener("load", () => resolve({ status: request.status, verdict: read(request) }));
    request.addEventListener("error", () => fail(NOT_REACHED));
    request.addEventListener("abort", () => fail("Stopped."));
    signal.addEventListener("abort", () => request.abort());
    request.send(body(form, file));
  });
}

function body(form, file) {
  const data = new FormData();
  data.append("csrf_token", form.elements.csrf_token.value);
  for (const name of ["model", "um_per_px"]) data.append(name, form.elements[name].value);
  data.append("images", file, file.name);
  return data;
}

function read(request) {
  if (new URL(request.responseURL).pathname === "/login") return { outcome: "error", reason: LOGGED_OUT };
  try {
    const answer = JSON.parse(request.responseText);
    return answer.files?.[0] ?? { outcome: "error", reason: answer.reason ?? NOT_UNDERSTOOD };
  } catch {
    return { outcome: "error", reason: NOT_UNDERSTOOD };
  }
}
