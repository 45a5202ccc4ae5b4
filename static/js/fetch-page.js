// This page as the portal would show it now; null when it sends us elsewhere, as it does after the login has ended.

export async function fetchPage() {
  const answer = await fetch(location.pathname);
  if (!answer.ok || new URL(answer.url).pathname !== location.pathname) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
