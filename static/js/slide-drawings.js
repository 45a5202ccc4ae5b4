// The list of drawings beside the slide: what is drawn is kept at once, its text a moment after the last letter. What
// the portal does not take now is sent again until it does or refuses it: a drawing stands in no field to be sent from.

import { localTime } from "./local-time.js";
import { postJson } from "./post-json.js";
import { HELP, Pen } from "./slide-pen.js";

const PAUSE = 800;
const AGAIN = 4000;
const WORDS = {
  "logged-out": "Not saved: you were logged out. Log in in another tab; it will be saved then.",
  away: "Not saved: the portal could not be reached. It is tried again.",
};

export class Drawings {
  constructor(slide, section) {
    this.slide = slide;
    this.section = section;
    this.address = section.dataset.annotations;
    this.list = section.querySelector("[data-annotation-list]");
    this.form = section.querySelector("#drawing");
    this.help = slide.figure.querySelector("[data-slide-help]");
    this.again = null;
    this.waiting = []; // drawn, and not yet with the portal
    this.unsent = 0; // what was tried in vain
    this.sending = Promise.resolve();
    this.pen = new Pen(slide, { done: (shape, points) => this.drawn(shape, points), ended: () => this.take("") });
    for (const button of slide.figure.querySelectorAll("[data-draw]")) {
      button.addEventListener("click", () => this.take(button.dataset.draw, null, true));
    }
    for (const row of this.list.children) this.upgrade(row);
    window.addEventListener("beforeunload", (event) => {
      if (this.waiting.length || this.unsent) event.preventDefault();
    });
    this.offerView();
    this.show();
  }

  take(shape, again = null, put = false) {
    if (shape) this.again = again;
    for (const button of this.slide.figure.querySelectorAll("[data-draw]")) {
      button.setAttribute("aria-pressed", String(button.dataset.draw === shape));
    }
    this.help.textContent = HELP[shape];
    if (shape || put) this.pen.put(shape);
    if (shape) this.slide.figure.scrollIntoView({ block: "nearest" });
  }

  // One after the other: their numbers tell in which order they were drawn.
  drawn(shape, points) {
    const row = this.again;
    this.again = null;
    const one = { shape, points, own: true };
    this.waiting.push(one);
    this.show();
    this.sending = this.sending.catch(() => null).then(async () => {
      const [way, content] = row ? [`/${row.dataset.mark}`, { points }] : ["", { shape, points, text: "" }];
      const kept = await this.keep(way, () => content);
      this.waiting = this.waiting.filter((other) => other !== one);
      if (kept && row) this.redraw(row, kept);
      else if (kept && !this.list.querySelector(`[data-mark="${kept.mark}"]`)) this.add(kept);
      this.show();
    });
  }

  add(kept) {
    const row = this.section.querySelector("[data-annotation-row]").content.firstElementChild.cloneNode(true);
    Object.assign(row.dataset, { mark: kept.mark, shape: kept.shape, points: typed(kept.points) });
    row.querySelector("[data-kind]").textContent = kept.shape[0].toUpperCase() + kept.shape.slice(1);
    row.querySelector("[data-go]").dataset.go = kept.area.join(",");
    const box = row.querySelector("input[type=text]");
    box.id = `text-${kept.mark}`;
    row.querySelector("label").htmlFor = box.id;
    row.querySelector(".annotation-text").action = `${this.address}/${kept.mark}`;
    row.querySelector(".action").action = `${this.address}/${kept.mark}/remove`;
    this.list.append(row);
    this.section.querySelector("[data-no-drawings]")?.remove();
    this.upgrade(row);
    if (kept.shape === "box") this.offerCut(kept);
    // It may have waited for long: whoever types somewhere else by now goes on there.
    if (!document.activeElement?.closest("input, select, textarea")) box.focus({ preventScroll: true });
  }

  redraw(row, kept) {
    row.dataset.points = typed(kept.points);
    row.querySelector("[data-go]").dataset.go = kept.area.join(",");
  }

  upgrade(row) {
    if (!("own" in row.dataset)) return;
    const form = row.querySelector(".annotation-text");
    form.querySelector("[data-save-text]")?.setAttribute("hidden", "");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.saveText(row);
    });
    form.addEventListener("input", () => {
      clearTimeout(row.timer);
      row.timer = setTimeout(() => this.saveText(row), PAUSE);
    });
    // The field is left, or the page: nothing waits any longer.
    form.addEventListener("change", () => this.saveText(row));
    window.addEventListener("pagehide", () => row.timer && this.saveText(row, { keepalive: true }));
    const again = row.querySelector("[data-again]");
    again.hidden = false;
    again.addEventListener("click", () => this.take(row.dataset.shape, row));
    row.querySelector("form.action").addEventListener("submit", (event) => {
      event.preventDefault();
      this.remove(row);
    });
  }

  // One after the other: of two answers the later text must stay. A page that is left asks only once.
  saveText(row, options = null) {
    clearTimeout(row.timer);
    row.timer = null;
    const way = `/${row.dataset.mark}`;
    const content = () => ({ text: row.querySelector("input[type=text]").value });
    if (options) return postJson(this.form, this.address + way, content(), options);
    row.saving = Promise.resolve(row.saving).then(() => this.keep(way, content));
    return row.saving;
  }

  async remove(row) {
    if (row.removing) return;
    clearTimeout(row.timer);
    row.removing = true;
    await row.saving;
    row.removing = Boolean(await this.keep(`/${row.dataset.mark}/remove`, () => ({})));
    if (!row.removing) return;
    this.section.querySelector(`[data-cut] option[value="${row.dataset.mark}"]`)?.remove();
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const held = row.contains(document.activeElement) || document.activeElement === document.body;
    row.remove();
    if (held) (next?.querySelector("[data-go]") ?? this.slide.viewer.canvas).focus();
    this.show();
  }

  // What the portal says of it, null where it refuses. `content` is asked each time: a text may have become another.
  async keep(way, content) {
    let failed = false;
    try {
      for (;;) {
        const saved = await postJson(this.form, `${this.address}${way}`, content());
        this.tell(saved);
        if (saved.kind === "done") return saved.answer;
        if (saved.kind === "refused") return null;
        if (!failed) this.unsent += 1;
        failed = true;
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    } finally {
      if (failed) this.unsent -= 1;
    }
  }

  tell(saved) {
    const status = this.section.querySelector("[data-drawing-status]");
    status.classList.toggle("is-problem", saved.kind !== "done");
    const at = saved.answer?.saved_at ?? new Date().toISOString();
    status.textContent = saved.kind === "done" ? `Saved ${localTime(at)}` : WORDS[saved.kind] ?? `Not saved: ${saved.reason}`;
  }

  show() {
    const rows = [...this.list.children].map((row, index) => ({
      shape: row.dataset.shape, points: corners(row.dataset.points), number: `D${index + 1}`, own: "own" in row.dataset,
    }));
    this.slide.shapes.show([...rows, ...this.waiting]);
    this.number();
  }

  // As the page numbers them when it comes anew: a drawing is what its place in the list says, wherever it is named.
  number() {
    const rows = [...this.list.children];
    rows.forEach((row, index) => {
      for (const one of row.querySelectorAll("label, .visually-hidden")) {
        one.textContent = one.textContent.replace(/\d+$/, index + 1);
      }
    });
    const marks = rows.map((row) => row.dataset.mark);
    for (const one of this.section.querySelectorAll("[data-cut] [name=mark] option")) {
      one.textContent = one.textContent.replace(/^D\d+/, `D${marks.indexOf(one.value) + 1}`);
    }
  }

  offerView() {
    const button = this.section.querySelector("[data-in-view]");
    button.hidden = false;
    button.addEventListener("click", () => {
      const [x, y, width, height] = this.slide.inView();
      this.form.elements.shape.value = "box";
      this.form.elements.points.value = `${x},${y} ${x + width},${y + height}`;
    });
  }

  offerCut({ mark }) {
    const part = this.section.querySelector("[data-cut]");
    const option = document.createElement("option");
    option.value = mark;
    option.textContent = `D${this.list.children.length}: box`;
    part.querySelector("[name=mark]").append(option);
    part.hidden = false;
  }
}

function typed(points) {
  return points.map((one) => one.join(",")).join(" ");
}

function corners(text) {
  return text.split(" ").map((one) => one.split(",").map(Number));
}
