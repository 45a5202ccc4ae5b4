// Sends the chosen images one after the other and says of each what became of it.
// Without this script the same form sends them all at once and the next page tells.

import { fetchPage } from "./fetch-page.js";
import { send } from "./send.js";
import { FileRow } from "./file-row.js";

class Upload {
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("input[type=file]");
    this.list = form.querySelector("[data-files-list]");
    this.summary = form.querySelector("[data-summary]");
    this.sendButton = form.querySelector("[data-send]");
    this.cancelButton = form.querySelector("[data-cancel]");
    this.template = form.querySelector("template[data-row]");
    this.rows = [];
    this.running = null;
    this.listen();
    // Somebody may have chosen files before this script had come.
    this.take(this.input.files);
  }

  listen() {
    const drop = this.form.querySelector("[data-drop]");
    this.input.addEventListener("change", () => this.take(this.input.files));
    this.cancelButton.addEventListener("click", () => this.cancel());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("is-over");
      });
    }
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      this.take(event.dataTransfer.files);
    });
    // A file that misses the box must not replace the page.
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
    window.addEventListener("beforeunload", (event) => {
      if (this.running) event.preventDefault();
    });
  }

  take(files) {
    const waiting = this.rows.filter((row) => row.state === "pending" || row.state === "sending");
    const room = Number(this.form.dataset.files) - waiting.length;
    // A copy: emptying the box below empties its list of files too.
    const chosen = Array.from(files);
    const taken = chosen.slice(0, room);
    for (const file of taken) {
      const row = new FileRow(this.template, file, this);
      row.check(Number(this.form.dataset.megabytes));
      this.rows.push(row);
      this.list.append(row.element);
    }
    this.input.value = "";
    const left = chosen.length - taken.length;
    this.refresh(left ? `${left} more than fit in one go were left out.` : "");
  }

  remove(row) {
    this.rows = this.rows.filter((one) => one !== row);
    row.element.remove();
    this.refresh();
    this.input.focus();
  }

  again(row) {
    row.become("pending");
    this.run();
  }

  cancel() {
    this.stopped = true;
    this.running?.abort();
  }

  async run() {
    if (this.running) return;
    if (!this.next()) {
      this.refresh("Choose at least one image.");
      return;
    }
    this.stopped = false;
    for (let row = this.next(); row && !this.stopped; row = this.next()) {
      row.become("sending");
      this.running = new AbortController();
      this.refresh();
      const verdict = await send(this.form, row.file, this.running.signal, (share) => row.progress(share));
      row.settle(verdict);
      if (verdict.code === "pixel-size") this.form.elements.um_per_px.focus();
    }
    this.running = null;
    this.refresh();
    this.showOnPage();
  }

  next() {
    return this.rows.find((row) => row.state === "pending");
  }

  refresh(words = "") {
    const of = (state) => this.rows.filter((row) => row.state === state).length;
    const parts = [["scored", "scored"], ["refused", "not scored"], ["hidden", "kept for your reading"], ["failed", "failed"], ["pending", "to send"]]
      .filter(([state]) => of(state))
      .map(([state, name]) => `${of(state)} ${name}`);
    const done = this.rows.length - of("pending") - of("sending");
    const sending = this.running ? `Sending ${done + 1} of ${this.rows.length}. ` : "";
    this.summary.textContent = words || sending + parts.join(", ");
    this.sendButton.disabled = Boolean(this.running);
    this.cancelButton.hidden = !this.running;
  }

  async showOnPage() {
    const { show } = this.form.dataset;
    const page = await fetchPage().catch(() => null);
    if (page) document.querySelector(show).replaceWith(page.querySelector(show));
  }
}

document.querySelectorAll("form[data-upload]").forEach((form) => new Upload(form));
