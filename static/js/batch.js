// The files of one case: which there are, and how they go to the portal one after the other. What they were asked
// to be read by is settled when they are sent off, not when their turn comes.

import { deliver, isSlide } from "./deliver.js";
import { FileRow } from "./file-row.js";
import { Pace } from "./pace.js";
import { send, takeToken } from "./send.js";

export class Batch {
  // `page`: {form, list, template, interruption, say(words), changed(), arrived(verdict), ended()}.
  constructor(page) {
    this.page = page;
    this.rows = [];
    this.pace = new Pace();
    this.running = null;
    this.current = null;
  }

  // Returns how many were taken, how many were there already, and how many do not fit in one go.
  take(chosen) {
    const { form, list, template } = this.page;
    const fresh = chosen.filter((one) => !this.rows.some((row) => row.waits && row.is(one)));
    const taken = fresh.slice(0, Math.max(0, Number(form.dataset.files) - this.of("pending", "sending").length));
    const rows = taken.map((one) => new FileRow(template, one, this, isSlide(form, one.file)));
    for (const row of rows) {
      row.check(form.dataset);
      if (this.running) this.ask(row);
    }
    this.rows.push(...rows);
    list.append(...rows.map((row) => row.element));
    this.page.changed();
    return { taken: taken.length, known: chosen.length - fresh.length, over: fresh.length - taken.length };
  }

  of(...states) {
    return this.rows.filter((row) => states.includes(row.state));
  }

  ask(row) {
    const { model, um_per_px: size } = this.page.form.elements;
    row.asked = { file: row.file, model: model.value, umPerPx: size.value };
  }

  again(...rows) {
    for (const row of rows) {
      row.become("pending");
      this.ask(row);
    }
    this.page.changed();
    this.run();
  }

  againAll() {
    this.again(...this.rows.filter((row) => row.mayGoBetter));
  }

  remove(row) {
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    this.rows = this.rows.filter((one) => one !== row);
    row.element.remove();
    (next?.querySelector("button:not([hidden])") ?? this.page.form.querySelector("input[type=file]")).focus();
    this.page.changed();
  }

  clear() {
    for (const row of this.rows) row.element.remove();
    this.rows = [];
    this.page.changed();
  }

  stop(row) {
    if (this.current?.row === row) this.current.sending.abort();
  }

  stopAll() {
    this.running?.abort();
    this.current?.sending.abort();
  }

  start() {
    if (this.running) return;
    this.of("pending").forEach((row) => this.ask(row));
    this.run();
  }

  async run() {
    if (this.running) return;
    this.running = new AbortController();
    this.pace = new Pace();
    for (let row = this.next(); row && !this.running.signal.aborted; row = this.next()) await this.sendOne(row);
    this.running = null;
    this.page.changed();
    this.page.ended();
  }

  next() {
    return this.rows.find((row) => row.state === "pending");
  }

  async sendOne(row) {
    this.current = { row, sending: new AbortController() };
    row.become("sending");
    row.follow();
    this.page.changed();
    const started = performance.now();
    const way = row.isSlide ? deliver : send;
    const verdict = await way(this.page.form, row.asked, this.current.sending.signal, (...how) => row.progress(...how));
    this.current = null;
    if (verdict.trouble) {
      await this.wait(row, verdict.trouble);
      return;
    }
    row.settle(verdict);
    if (!verdict.stopped && !row.isSlide) this.pace.note(performance.now() - started);
    this.page.changed();
    this.page.arrived(verdict);
  }

  async wait(row, trouble) {
    row.become("pending", "It was interrupted and will be sent again.");
    this.page.changed();
    const page = await this.page.interruption.over(trouble, this.running.signal, this.page.say);
    if (page) takeToken(this.page.form, page);
  }
}
