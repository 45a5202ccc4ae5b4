// The report's state follows the list of images: when that is replaced after an upload, so is this, unless somebody
// is about to sign; the portal then says that the case has changed.
import { fetchPage } from "./fetch-page.js";

const SETTLED = 600;
let timer = 0;

async function follow() {
  const fresh = (await fetchPage())?.getElementById("report");
  const shown = document.getElementById("report");
  if (fresh && shown && !shown.querySelector("details[open]")) shown.replaceWith(fresh);
}

new MutationObserver((changes) => {
  const replaced = changes.some((one) => [...one.addedNodes].some((node) => node.id === "case-images"));
  if (!replaced) return;
  clearTimeout(timer);
  timer = setTimeout(follow, SETTLED);
}).observe(document.getElementById("main"), { childList: true, subtree: true });
