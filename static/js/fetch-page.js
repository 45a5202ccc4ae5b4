// This page as the portal would show it now: {page}, or {trouble} where it cannot be had: "network" when nothing
// answers, "portal" when it answers that it cannot, "login" when it sends us elsewhere, as after a login has ended.

const PATIENCE_MS = 30_000;

export async function fetchPage() {
  try {
    const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.status >= 500) return { trouble: "portal" };
    if (!answer.ok || new URL(answer.url).pathname !== location.pathname) return { trouble: "login" };
    return { page: new DOMParser().parseFromString(await answer.text(), "text/html") };
  } catch {
    return { trouble: "network" };
  }
}
