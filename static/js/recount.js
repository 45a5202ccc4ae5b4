// Nuclei put from one class into another on the image. What follows from the new counts the portal works out, so that
// there is one set of rules; the form's hidden field holds the changes until the reading is saved.

import { NucleiView } from "./nuclei-view.js";
import { postJson } from "./post-json.js";

const PAUSE = 150;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const REMOVED = { name: "", colour: "#e9e6df" };
const PROBLEMS = {
  "logged-out": "You were logged out: log in in another tab, then change a nucleus here.",
  away: "The portal could not be reached. What you changed is kept here.",
};

class Recount {
  constructor(dialog, form) {
    Object.assign(this, { dialog, form, field: form.elements.corrections, history: [], chosen: null });
    this.changes = new Map(JSON.parse(this.field.value || "[]"));
    this.opener = form.querySelector("[data-recount-open]");
    this.summary = form.querySelector("[data-recount-summary]");
    this.canvas = dialog.querySelector("canvas");
    this.classButtons = [...dialog.querySelectorAll("[data-class]")];
    this.opener.hidden = false;
    this.lockNumbers();
    this.listen();
  }

  listen() {
    const on = (sign, act) => this.dialog.querySelector(sign).addEventListener("click", act);
    this.opener.addEventListener("click", () => this.open());
    on("[data-recount-close]", () => this.dialog.close());
    on("[data-undo]", () => this.undo());
    on("[data-reset]", () => this.reset());
    const { dialog } = this;
    dialog.querySelector("[data-resume]")?.addEventListener("click", (event) => this.resume(event.target));
    on("[data-marks]", () => this.toggleMarks());
    for (const button of this.classButtons) button.addEventListener("click", () => this.choose(button.dataset.class));
    for (const button of this.dialog.querySelectorAll("[data-zoom]")) {
      const factor = Number(button.dataset.zoom);
      button.addEventListener("click", () => (factor ? this.view?.zoom(factor) : this.view?.whole()));
    }
    this.dialog.addEventListener("keydown", (event) => this.press(event));
    this.dialog.addEventListener("close", () => this.opener.focus());
  }

  async open() {
    this.dialog.showModal();
    this.canvas.focus();
    if (this.view) return;
    try {
      await this.load();
    } catch {
      this.here("The nuclei could not be loaded. Go back to the form, reload the page and try again.");
    }
  }

  async load() {
    const image = new Image();
    image.src = this.dialog.dataset.image;
    const [answer] = await Promise.all([fetch(this.dialog.dataset.nuclei), image.decode()]);
    const { classes, nuclei } = await answer.json();
    this.classes = classes;
    this.nuclei = nuclei;
    this.view = new NucleiView(this.canvas, image, (index) => this.put(index, this.chosen));
    this.view.resize();
    this.choose(classes[0].name);
    this.here(`${nuclei.length} nuclei. Choose a class, then click a nucleus.`);
    this.refresh();
    this.score();
  }

  choose(name) {
    this.chosen = name;
    for (const button of this.classButtons) {
      button.setAttribute("aria-pressed", String(button.dataset.class === name));
    }
  }

  nameOf(index) {
    if (this.changes.has(index)) return this.changes.get(index) ?? "";
    return this.classes[this.nuclei[index][2]].name;
  }

  put(index, name) {
    this.view.current = index;
    if (this.nameOf(index) !== name) {
      this.history.push([index, this.nameOf(index)]);
      this.call(index, name);
      this.changed();
    }
    this.tellHere();
    this.view.draw();
  }

  call(index, name) {
    if (name === this.classes[this.nuclei[index][2]].name) this.changes.delete(index);
    else this.changes.set(index, name || null);
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    this.call(...last);
    this.view.select(last[0]);
    this.changed();
    this.tellHere();
  }

  reset() {
    for (const index of this.changes.keys()) this.history.push([index, this.nameOf(index)]);
    this.changes.clear();
    this.changed();
  }

  // From the reader's own last count, so that one nucleus more does not mean all of them again.
  resume(button) {
    if (!this.view) return;
    this.reset();
    for (const [index, name] of JSON.parse(button.dataset.resume)) this.put(index, name ?? "");
  }

  changed() {
    const listed = [...this.changes].sort(([one], [other]) => one - other);
    this.field.value = listed.length ? JSON.stringify(listed) : "";
    const own = this.form.querySelector("[name=verdict][value=override]");
    if (own && listed.length) own.checked = true;
    this.form.dispatchEvent(new Event("input"));
    this.lockNumbers();
    this.refresh();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.score(), PAUSE);
  }

  // Numbers that follow from the image are not typed besides.
  lockNumbers() {
    const count = this.changes.size;
    for (const input of this.form.querySelectorAll("input[name^=score_]")) input.readOnly = count > 0;
    this.summary.hidden = !count;
    const nuclei = count === 1 ? "1 nucleus" : `${count} nuclei`;
    this.summary.textContent = `${nuclei} changed on the image. The numbers below follow from that.`;
  }

  refresh() {
    const counts = new Map();
    this.view.marks = this.nuclei.map(([x, y], index) => {
      const name = this.nameOf(index);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const place = this.classes.findIndex((one) => one.name === name);
      const { colour } = this.classes[place] ?? REMOVED;
      return { x, y, colour, key: place < 0 ? "" : String(place + 1), changed: this.changes.has(index) };
    });
    for (const button of this.classButtons) {
      button.querySelector("[data-count]").textContent = counts.get(button.dataset.class) ?? 0;
    }
    this.dialog.querySelector("[data-undo]").disabled = !this.history.length;
    this.dialog.querySelector("[data-reset]").disabled = !this.changes.size;
    this.view.draw();
  }

  async score() {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const corrections = JSON.parse(this.field.value || "[]");
    const options = { signal: running.signal };
    const said = await postJson(this.form, this.dialog.dataset.score, { corrections }, options).catch(() => null);
    if (said && this.running === running) this.show(said);
  }

  show(said) {
    const box = this.dialog.querySelector("[data-follows]");
    if (said.kind !== "done") {
      box.replaceChildren(element("p", "field-error", PROBLEMS[said.kind] ?? said.reason));
      return;
    }
    const { label, lines, notes, numbers } = said.answer;
    const list = element("dl", "facts");
    for (const [name, text] of label ? [["Class", label], ...lines] : lines) {
      const row = element("div");
      row.append(element("dt", "", name), element("dd", name === "Class" ? "is-label" : "num", text));
      list.append(row);
    }
    box.replaceChildren(list, ...notes.map((note) => element("p", "quiet", note)));
    if (this.changes.size || this.history.length) this.fill(numbers);
  }

  fill(numbers) {
    for (const [key, value] of Object.entries(numbers)) {
      const input = this.form.elements[`score_${key}`];
      if (input) input.value = value;
    }
    this.form.dispatchEvent(new Event("input"));
  }

  toggleMarks() {
    if (!this.view) return;
    this.view.shown = !this.view.shown;
    this.dialog.querySelector("[data-marks]").setAttribute("aria-pressed", String(this.view.shown));
    this.view.draw();
  }

  press(event) {
    if (!this.view || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      this.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (this.actOn(event.key, event.target === this.canvas)) event.preventDefault();
  }

  actOn(key, onCanvas) {
    const { current } = this.view;
    const place = "123456789".indexOf(key);
    if (ARROWS[key] && onCanvas) this.go(this.view.next(...ARROWS[key]));
    else if (place >= 0 && place < this.classes.length) this.key(this.classes[place].name);
    else if (key === "0" || key === "Delete") this.key("");
    else if ((key === "Enter" || key === " ") && onCanvas && current !== null) this.put(current, this.chosen);
    else if (key === "+" || key === "=") this.view.zoom(1.5);
    else if (key === "-") this.view.zoom(1 / 1.5);
    else if (key === "u") this.undo();
    else if (key === "h") this.toggleMarks();
    else return false;
    return true;
  }

  key(name) {
    if (this.view.current === null) this.choose(name);
    else this.put(this.view.current, name);
  }

  go(index) {
    if (index === null) return;
    this.view.select(index);
    this.tellHere();
  }

  tellHere() {
    const { current } = this.view;
    const was = this.classes[this.nuclei[current][2]].name;
    const is = this.nameOf(current);
    const now = is === was ? is : `${is || "not a nucleus"}, was ${was}`;
    this.here(`Nucleus ${current + 1} of ${this.nuclei.length}: ${now}`);
  }

  here(words) {
    this.dialog.querySelector("[data-here]").textContent = words;
  }
}

function element(kind, className = "", text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

for (const dialog of document.querySelectorAll("[data-recount]")) {
  new Recount(dialog, document.querySelector("#review-form"));
}
