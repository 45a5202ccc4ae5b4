// Says a while before the login ends that it will, and lets it last. Being asked is not being there: only a person
// who types, points or presses the button makes it last longer. When it has ended, or must have while the portal did not
// answer, the page is covered until the same person is logged in again: what was typed stays under the cover.

const AGAIN_MS = 60_000;
const LONGEST_MS = 3_600_000;
const SLACK = 60; // the portal notes once a minute that somebody is there

class Idle {
  constructor(bar) {
    this.bar = bar;
    this.warn = Number(bar.dataset.warn);
    this.words = bar.querySelector("[data-words]");
    this.button = bar.querySelector("[data-stay]");
    this.login = bar.querySelector("[data-login]");
    this.here = false;
    this.until = Date.now() + Number(bar.dataset.seconds) * 1000;
    this.title = document.title;
    for (const kind of ["keydown", "pointerdown"]) {
      document.addEventListener(kind, (event) => (this.here ||= event.isTrusted), { passive: true });
    }
    bar.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(true);
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.plan(0));
    window.addEventListener("focus", () => this.covered() && this.plan(0));
    this.plan(Number(bar.dataset.seconds) - this.warn - SLACK);
  }

  plan(seconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(this.here), Math.min(Math.max(seconds, 0) * 1000, LONGEST_MS));
  }

  async ask(here) {
    this.here = false;
    const answer = await this.fetch(here).catch(() => null);
    if (!answer || answer.status >= 500) {
      const left = (this.until - Date.now()) / 1000;
      if (left <= 0) this.tell("away");
      return this.plan(left > 0 ? Math.min(left, AGAIN_MS / 1000) : AGAIN_MS / 1000);
    }
    // A login that has ended answers with another page; a page that is too old for "stay" is no reason to be silent.
    if (answer.redirected) return this.tell("over");
    if (!answer.ok) return here ? this.ask(false) : this.plan(AGAIN_MS / 1000);
    this.settle(await answer.json());
  }

  fetch(here) {
    const headers = { Accept: "application/json" };
    if (!here) return fetch(this.bar.dataset.left, { headers });
    const form = this.bar.querySelector("form");
    return fetch(form.action, { method: "POST", headers, body: new FormData(form) });
  }

  settle({ seconds, at_most: atMost, whose }) {
    this.until = Date.now() + seconds * 1000;
    if (String(whose) !== this.bar.dataset.whose) return this.tell("other");
    // The login's longest time cannot be lengthened: it is told, and there is nothing to press.
    if (seconds > this.warn) this.tell("");
    else this.tell(atMost <= this.warn ? "at-most" : "idle", seconds);
    this.plan(seconds > this.warn ? seconds - this.warn + 1 : seconds + 1);
  }

  tell(state, seconds = 0) {
    if (state === this.state) return;
    this.state = state;
    const end = new Date(Date.now() + seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.words.textContent = {
      "": "",
      idle: `Nobody seems to be here. This login ends at ${end}.`,
      "at-most": `This login has lasted as long as it may and ends at ${end}. Save what you are doing.`,
      over: "You were logged out. What you typed is still on this page: log in again in another tab, then go on here.",
      away: "The portal does not answer, and your login has ended meanwhile. What you typed is still on this page: log in again in another tab when it does.",
      other: "Somebody else is logged in in this browser now. This page comes back when the person whose it is logs in again.",
    }[state];
    this.button.hidden = state !== "idle";
    this.login.hidden = state !== "over" && state !== "away";
    this.bar.hidden = state === "";
    this.cover();
  }

  covered() {
    return ["over", "away", "other"].includes(this.state);
  }

  // Hidden and not removed: nobody at this screen reads a patient's page, and nothing that was typed is lost.
  // A dialog lies above everything, the way to the login too; what was done in it stands in the form behind it.
  cover() {
    if (this.covered()) for (const one of document.querySelectorAll("dialog[open]")) one.close();
    const held = document.activeElement;
    document.body.classList.toggle("is-covered", this.covered());
    document.title = this.covered() ? "Logged out · SecondRead" : this.title;
    if (this.covered()) this.held ??= held;
    else {
      this.held?.focus({ preventScroll: true });
      this.held = null;
    }
  }
}

document.querySelectorAll("[data-idle]").forEach((bar) => new Idle(bar));
