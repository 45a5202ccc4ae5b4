// Sends an object and tells what became of it: {kind: "done", answer}, "refused" or "failed" with a reason, "away"
// (network), "logged-out". A token that has become too old is replaced by that of the page as it is now.

import { fetchPage } from "./fetch-page.js";

const FAILED = "the portal could not do it. It is tried again.";

export async function postJson(form, address, content, options = {}) {
  try {
    const first = await post(form, address, content, options);
    if (first.status !== 400) return first;
    const { page, trouble } = await fetchPage();
    if (!page) return { kind: trouble === "login" ? "logged-out" : "away" };
    form.elements.csrf_token.value = page.querySelector(`#${form.id} [name=csrf_token]`).value;
    return await post(form, address, content, options);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    return { kind: "away" };
  }
}

async function post(form, address, content, options) {
  const answer = await fetch(address, {
    ...options,
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": form.elements.csrf_token.value,
    },
    body: JSON.stringify(content),
  });
  if (new URL(answer.url).pathname === "/login") return { kind: "logged-out" };
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return { kind: "done", answer: said };
  const kind = answer.status >= 500 || answer.status === 429 ? "failed" : "refused";
  return { kind, status: answer.status, reason: said.reason ?? FAILED };
}
