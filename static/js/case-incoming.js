// Keeps the list of unfinished slides, and what jobs make of those that have arrived, up with the portal.

import { CaseImages, REFRESHED } from "./case-images.js";

const images = new CaseImages("#case-images");
const section = () => document.getElementById("case-incoming");

function offerToGoOn() {
  for (const button of section().querySelectorAll("[data-go-on]")) button.hidden = false;
}

document.addEventListener(REFRESHED, ({ detail }) => {
  const fresh = detail.page.getElementById("case-incoming");
  if (fresh && !section().contains(document.activeElement)) section().replaceWith(fresh);
  offerToGoOn();
  showJobs(detail.page.getElementById("watched"));
});

// A page on which nothing is on its way has no list of jobs, or one that has ceased to ask; a new one asks for itself.
function showJobs(jobs) {
  const shown = document.getElementById("watched");
  if (!jobs || shown?.hasAttribute("hx-get")) return;
  if (shown) shown.replaceWith(jobs);
  else section().before(jobs);
  window.htmx.process(jobs);
}

// The list of jobs says something else: there may be a new image.
document.addEventListener("htmx:afterSwap", () => images.changed());
offerToGoOn();
