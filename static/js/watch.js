// A part of the page that asks for itself again while jobs are open. An answer that came from another page, as the
// login does, is not put in, and the page is not left for it: something may have been typed here. What watches over the
// login is told to look, and covers the page until somebody has logged in again; then the next answer is put in.

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const asked = new URL(requestConfig.path, location.href);
  const answered = new URL(xhr.responseURL, location.href);
  if (answered.pathname === asked.pathname) return;
  event.detail.shouldSwap = false;
  if (!document.querySelector(".is-covered")) document.dispatchEvent(new Event("visibilitychange"));
});
