// This page as the portal would show it now: {page}, or {trouble} where it cannot be had: "network" when nothing
// answers, "portal" when it answers that it cannot, "login" when it sends us elsewhere, as after a login has ended, or
// shows the page to somebody else: under their account nothing of ours goes on.

const PATIENCE_MS = 30_000;

// `query` as the portal takes it: ?watched=1 says that nobody may be sitting here.
export async function fetchPage(query = "") {
  try {
    const answer = await fetch(location.pathname + query, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status >= 500) return { trouble: "portal" };
    if (!answer.ok || !isHere(new URL(answer.url).pathname)) return { trouble: "login" };
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return whose(page) === whose(document) ? { page } : { trouble: "login" };
  } catch {
    return { trouble: "network" };
  }
}

// What a refused form shows stands at the form's address, and is sent from there to the page that it is a part of.
function isHere(path) {
  return path === location.pathname || location.pathname.startsWith(`${path}/`);
}

function whose(page) {
  return page.querySelector("[data-idle]")?.dataset.whose;
}
