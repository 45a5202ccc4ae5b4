// Filters swap only the list. An answer that came from another page, as the login does, is opened as that page.

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  const answered = new URL(xhr.responseURL, location.href);
  if (answered.pathname !== event.target.ownerDocument.location.pathname) {
    event.detail.shouldSwap = false;
    location.assign(answered);
  } else if (xhr.status >= 400) {
    event.detail.shouldSwap = false;
    location.assign(answered);
  }
});
