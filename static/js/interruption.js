// Waits until the portal can be asked again, and says meanwhile what is amiss and what the reader can do.

import { fetchPage } from "./fetch-page.js";

const EVERY_MS = 5_000;
const WORDS = {
  network: "The portal cannot be reached. Sending goes on by itself when the network is back.",
  portal: "The portal cannot work just now. Sending goes on by itself when it can.",
  login: "You were logged out. Log in again in another tab with the same account: sending then goes on by itself.",
};

export class Interruption {
  constructor(box) {
    this.box = box;
  }

  // The page as it is when the portal answers again; null when `signal` ended the waiting.
  async over(trouble, signal, say) {
    let known = "";
    for (let now = { trouble }; !signal.aborted; now = await fetchPage()) {
      if (now.page) return this.end(now.page);
      if (now.trouble !== known) this.show((known = now.trouble), say);
      await this.sign(signal);
    }
    return this.end(null);
  }

  show(trouble, say) {
    this.box.hidden = false;
    this.box.querySelector("[data-trouble]").textContent = WORDS[trouble];
    this.box.querySelector("[data-login]").hidden = trouble !== "login";
    say(WORDS[trouble]);
  }

  end(page) {
    this.box.hidden = true;
    return page;
  }

  // Something that makes it worth asking again: time, the network, the reader coming back or pressing the button.
  sign(signal) {
    const over = new AbortController();
    return new Promise((resolve) => {
      const options = { signal: over.signal };
      setTimeout(resolve, EVERY_MS);
      signal.addEventListener("abort", resolve, options);
      for (const kind of ["online", "focus"]) window.addEventListener(kind, resolve, options);
      this.box.querySelector("[data-ask-again]").addEventListener("click", resolve, options);
    }).finally(() => over.abort());
  }
}
