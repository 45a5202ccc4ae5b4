// One file in the upload list: what state it is in, and what the portal said of it.

import { size } from "./sizes.js";

const WORDS = {
  pending: "To send",
  sending: "Sending",
  scored: "Scored",
  refused: "Not scored",
  hidden: "Kept, read it first",
  arrived: "Arrived",
  failed: "Failed",
  stopped: "Stopped",
};
// What may go better the next time; what is damaged or no picture stays so.
const WORTH_ANOTHER_TRY = [undefined, "", "model-failed", "busy", "not-stored", "no-room", "too-many", "wrong-size", "pixel-size"];
const STATE_OF = { scored: "scored", refused: "refused", hidden: "hidden", arrived: "arrived" };
const STOPPED = "You stopped it. If it had arrived already, it stands below.";
const SLIDE_STOPPED = "You stopped it. What has arrived is kept for two days: try again to go on, or drop it below.";

export class FileRow {
  constructor(template, { file, path }, owner, slide) {
    this.file = file;
    this.path = path;
    this.isSlide = slide;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.part("name").textContent = `${path}, ${size(file.size)}`;
    this.part("again").addEventListener("click", () => owner.again(this));
    this.part("stop").addEventListener("click", () => owner.stop(this));
    this.part("drop-file").addEventListener("click", () => owner.remove(this));
    this.part("again").setAttribute("aria-label", `Try ${path} again`);
    this.part("stop").setAttribute("aria-label", `Stop sending ${path}`);
    this.part("drop-file").setAttribute("aria-label", `Take ${path} off the list`);
    this.part("open").setAttribute("aria-label", `Open the result of ${path}`);
    this.become("pending");
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  get waits() {
    return this.state === "pending" || this.state === "sending";
  }

  get mayGoBetter() {
    return this.state === "failed" && !this.hopeless;
  }

  is({ file, path }) {
    return this.path === path && this.file.size === file.size && this.file.lastModified === file.lastModified;
  }

  become(state, verdict = "") {
    this.state = state;
    this.element.className = `upload-file is-${state}`;
    this.part("state").textContent = WORDS[state];
    this.part("verdict").textContent = verdict;
    this.part("progress").value = 0;
    this.part("progress").hidden = state !== "sending";
    this.part("again").hidden = !(this.mayGoBetter || state === "stopped");
    this.part("stop").hidden = state !== "sending";
    this.part("drop-file").hidden = state === "sending";
    this.part("open").hidden = true;
  }

  check({ megabytes, gigabytes }) {
    const most = this.isSlide ? gigabytes * 1e9 : megabytes * 1e6;
    this.hopeless = this.file.size > most;
    if (!this.hopeless) return;
    const way = this.isSlide ? "Export it smaller." : "Save it smaller, or as JPEG.";
    const limit = this.isSlide ? `${gigabytes} GB` : `${megabytes} MB`;
    this.become("failed", `Larger than ${limit}, so it was not sent. ${way}`);
  }

  progress(share, words = "") {
    this.part("progress").value = share * 100;
    this.part("state").textContent = share === 1 ? "Being read" : WORDS.sending;
    if (words) this.part("verdict").textContent = words;
  }

  settle(verdict) {
    this.hopeless = !WORTH_ANOTHER_TRY.includes(verdict.code);
    if (verdict.stopped) {
      this.become("stopped", this.isSlide ? SLIDE_STOPPED : STOPPED);
      return;
    }
    const known = verdict.existing ? "Already in this case: " : "";
    this.become(STATE_OF[verdict.outcome] ?? "failed", `${demonstration(verdict)}${known}${answer(verdict)}`);
    this.part("open").hidden = !verdict.url;
    if (verdict.url) this.part("open").href = verdict.url;
  }

  // Into view within its list, where nobody is looking at another row.
  follow() {
    const list = this.element.parentElement;
    if (!list.matches(":hover, :focus-within")) list.scrollTop = this.element.offsetTop - list.clientHeight / 2;
  }
}

function demonstration(verdict) {
  return verdict.demonstration ? "Demonstration, not a real score: " : "";
}

function answer(verdict) {
  const score = verdict.scores?.[verdict.label];
  const parts = [verdict.label, score === undefined ? verdict.summary : percent(score)].filter(Boolean);
  return parts.join(", ") || verdict.reason || "";
}


function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return `${(share * 100).toFixed(1)} %`;
}
