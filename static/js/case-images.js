// The case's images on this page, kept up with the portal while files are sent: only cards that are new or say
// something else are put in, so that nobody loses their place, and pictures are not asked for again.

import { fetchPage } from "./fetch-page.js";

// Sent to the document with the page as it is now, for whatever else of it may have changed.
export const REFRESHED = "case:refreshed";

const EVERY_MS = 4_000;

export class CaseImages {
  constructor(selector) {
    this.selector = selector;
    this.last = 0;
    this.timer = null;
  }

  // Something has changed: look, but no more often than every few seconds.
  changed() {
    this.timer ??= setTimeout(() => this.look(), Math.max(0, this.last + EVERY_MS - Date.now()));
  }

  async look() {
    const { page } = await fetchPage("?watched=1");
    this.timer = null;
    this.last = Date.now();
    if (!page) return;
    document.dispatchEvent(new CustomEvent(REFRESHED, { detail: { page } }));
    merge(document.querySelector(this.selector), page.querySelector(this.selector));
  }
}

function merge(shown, fresh) {
  const list = shown.querySelector(".image-cards");
  if (!list) {
    shown.replaceWith(fresh);
    return;
  }
  shown.querySelector("h2").replaceWith(fresh.querySelector("h2"));
  let before = null;
  for (const card of fresh.querySelectorAll(".image-cards > li")) {
    const held = document.getElementById(card.id);
    if (!held) list.insertBefore(card, before ? before.nextSibling : list.firstChild);
    else if (held.textContent !== card.textContent && !inUse(held)) held.replaceWith(card);
    before = document.getElementById(card.id);
  }
}

function inUse(card) {
  return card.contains(document.activeElement) || card.querySelector("details[open]") !== null;
}
