// Holds the chosen images, sends them one after the other and says of each what became of it.
// Without this script the same form sends them all at once and the next page tells.

import { Batch } from "./batch.js";
import { CaseImages } from "./case-images.js";
import { fromDrop, fromFiles } from "./choose.js";
import { Interruption } from "./interruption.js";

const NAMES = [["scored", "scored"], ["refused", "not scored"], ["hidden", "kept for your reading"], ["arrived", "being taken in"],
   ["failed", "failed"], ["stopped", "stopped"], ["pending", "to send"]];

class Upload {
  constructor(form) {
    this.form = form;
    this.input = form.querySelector("input[type=file]");
    this.list = this.part("files-list");
    this.template = this.part("row");
    this.images = new CaseImages(form.dataset.show);
    this.interruption = new Interruption(this.part("interruption"));
    this.say = (words) => (this.part("summary").textContent = words);
    this.quarter = 0;
    this.batch = new Batch(this);
    this.listen();
    // Somebody may have chosen files before this script had come.
    if (this.input.files.length) this.take(fromFiles(this.input.files));
  }

  part(name) {
    return this.form.querySelector(`[data-${name}]`);
  }

  listen() {
    const { batch } = this;
    this.on("send", () => batch.start());
    this.on("cancel", () => batch.stopAll());
    this.on("again-all", () => batch.againAll());
    this.on("clear", () => batch.clear());
    this.on("only-failed", (button) => this.filter(button.getAttribute("aria-pressed") !== "true"));
    this.on("folder", () => this.chooseFolder());
    this.part("folder").hidden = !("webkitdirectory" in this.input);
    this.input.addEventListener("change", () => this.take(fromFiles(this.input.files)));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.listenForDrops(this.part("drop"));
    window.addEventListener("beforeunload", (event) => {
      if (batch.of("pending", "sending").length) event.preventDefault();
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-go-on]")) this.input.click();
    });
    // A result that is looked at meanwhile must not cost the batch: it opens beside it, in a tab of its own.
    document.addEventListener("click", (event) => {
      const link = event.target.closest(`${this.form.dataset.show} a, [data-open]`);
      if (link) Object.assign(link, { target: batch.of("pending", "sending").length ? "_blank" : "", rel: "noopener" });
    });
  }

  on(name, act) {
    const button = this.part(name);
    button.addEventListener("click", () => act(button));
  }

  listenForDrops(drop) {
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.add("is-over");
      });
    }
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
    drop.addEventListener("drop", async (event) => {
      event.preventDefault();
      this.take(await fromDrop(event.dataTransfer));
    });
    // A file that misses the box must not replace the page.
    for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  }

  chooseFolder() {
    const box = Object.assign(document.createElement("input"), { type: "file", webkitdirectory: true });
    box.addEventListener("change", () => this.take(fromFiles(box.files)));
    box.click();
  }

  take({ chosen, left }) {
    const { taken, known, over } = this.batch.take(chosen);
    this.input.value = "";
    const out = [[left.hidden, "hidden"], [left.other, "no picture"], [left.closed, "not to be opened"],
      [known, "on the list already"], [over, `more than ${this.form.dataset.files} in one go`]]
      .filter(([number]) => number).map(([number, why]) => `${number} ${why}`);
    const files = taken === 1 ? "1 file" : `${taken} files`;
    this.say(`${files} put on the list.${out.length ? ` Left out: ${out.join(", ")}.` : ""}`);
  }

  filter(onlyFailed) {
    this.part("only-failed").setAttribute("aria-pressed", String(onlyFailed));
    this.list.classList.toggle("is-only-failed", onlyFailed);
  }

  changed() {
    const { batch } = this;
    const failed = batch.of("failed").length;
    const hopeful = batch.rows.filter((row) => row.mayGoBetter).length;
    const running = Boolean(batch.running);
    this.part("send").disabled = running;
    this.part("cancel").hidden = !running;
    this.part("clear").hidden = running || !batch.rows.length;
    this.part("again-all").hidden = !hopeful;
    this.part("again-all").textContent = `Try all failed again (${hopeful})`;
    this.part("only-failed").hidden = !failed;
    this.part("only-failed").textContent = `Only failed (${failed})`;
    if (!failed) this.filter(false);
    this.showOverall();
  }

  showOverall() {
    const { batch } = this;
    const all = batch.rows.length;
    const open = batch.of("pending", "sending").length;
    const bar = this.part("overall-bar");
    this.part("overall").hidden = !all;
    bar.max = all || 1;
    bar.value = all - open;
    const left = batch.running ? batch.pace.left(open) : "";
    this.part("overall-words").textContent = `${all - open} of ${all} done${left && `. ${left}`}.`;
    const quarter = Math.floor((4 * (all - open)) / (all || 1));
    // Aloud only now and then: two hundred sentences are no help.
    if (batch.running && quarter !== this.quarter && open) this.say(`${all - open} of ${all} done. ${this.counts()}.`);
    this.quarter = quarter;
  }

  counts() {
    return NAMES.map(([state, name]) => [this.batch.of(state).length, name]).filter(([number]) => number)
      .map(([number, name]) => `${number} ${name}`).join(", ");
  }

  arrived(verdict) {
    if (verdict.code === "pixel-size" && !this.batch.of("pending").length) this.form.elements.um_per_px.focus();
    if (verdict.image || verdict.outcome === "arrived" || verdict.stopped) this.images.changed();
  }

  ended() {
    this.say(this.batch.rows.length ? `${this.counts()}.` : "Choose at least one image.");
  }
}

document.querySelectorAll("form[data-upload]").forEach((form) => new Upload(form));
