// A part of the page that asks for itself again while jobs are open. An answer that came from another page, as the
// login does, is opened as that page; a failure changes nothing: the next time may do.

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const asked = new URL(requestConfig.path, location.href);
  const answered = new URL(xhr.responseURL, location.href);
  if (answered.pathname !== asked.pathname) {
    event.detail.shouldSwap = false;
    location.assign(answered);
  }
});
