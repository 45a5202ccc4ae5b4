// Keeps what is typed into a review as a draft, about a second after the last change, and says so.
// Without a login or a network the page holds it and tries again until it is kept.

import { localTime } from "./local-time.js";
import { postJson } from "./post-json.js";

const PAUSE = 1000;
const AGAIN = 4000;
const WORDS = {
  "logged-out": "You were logged out: log in in another tab; it will be saved then.",
  away: "Not saved: the portal could not be reached. It is tried again.",
};

class Draft {
  constructor(form) {
    this.form = form;
    this.statuses = document.querySelectorAll("[data-draft-status]");
    this.kept = content(asItCame(form));
    form.addEventListener("input", () => this.plan(PAUSE));
    form.addEventListener("change", () => this.plan(PAUSE));
    for (const one of [form, document.querySelector(".draft-line form")]) {
      one?.addEventListener("submit", () => this.stop());
    }
    window.addEventListener("online", () => this.plan(0));
    // Back from the tab in which somebody logged in again, or about to leave for another.
    document.addEventListener("visibilitychange", () => this.plan(0));
    window.addEventListener("beforeunload", (event) => {
      if (!this.stopped && this.isNew()) event.preventDefault();
    });
    // A page that the browser held and shows again is alive again.
    window.addEventListener("pageshow", () => {
      this.stopped = false;
    });
    this.plan(PAUSE);
  }

  isNew() {
    return content(this.form) !== this.kept;
  }

  plan(wait) {
    clearTimeout(this.timer);
    if (!this.stopped && this.isNew()) this.timer = setTimeout(() => this.save(), wait);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.running?.abort();
  }

  async save() {
    if (this.running) return;
    const typed = content(this.form);
    this.running = new AbortController();
    const options = { signal: this.running.signal, keepalive: document.hidden && typed.length < 60_000 };
    const saved = await postJson(this.form, this.form.dataset.draft, JSON.parse(typed), options).catch(() => null);
    this.running = null;
    if (saved && !this.stopped) this.settle(saved, typed);
  }

  settle(saved, typed) {
    if (saved.kind === "done") {
      this.kept = typed;
      this.tell("Saved ", saved.answer.saved_at);
      this.plan(PAUSE);
    } else {
      this.tell(WORDS[saved.kind] ?? `Not saved: ${saved.reason}`);
      // What the portal refuses it will refuse again until something changes.
      if (saved.kind !== "refused") this.plan(AGAIN);
      else if (content(this.form) !== typed) this.plan(PAUSE);
    }
  }

  tell(words, moment) {
    for (const status of this.statuses) {
      if (status.textContent !== words || moment) status.replaceChildren(words);
      status.classList.toggle("is-problem", !moment);
      if (moment) {
        const time = document.createElement("time");
        time.dateTime = moment;
        time.textContent = localTime(moment);
        status.append(time);
      }
    }
  }
}

function content(form) {
  const fields = new FormData(form);
  fields.delete("csrf_token");
  return JSON.stringify(Object.fromEntries(fields));
}

// Somebody may have typed before this script had come: the form without that.
function asItCame(form) {
  const copy = form.cloneNode(true);
  copy.reset();
  return copy;
}

for (const time of document.querySelectorAll("[data-local-time]")) time.textContent = localTime(time.dateTime);
document.querySelectorAll("form[data-draft]").forEach((form) => new Draft(form));
