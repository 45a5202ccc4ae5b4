// One file in the upload list: what state it is in, and what the portal said of it.

const WORDS = {
  pending: "To send",
  sending: "Sending",
  scored: "Scored",
  refused: "Not scored",
  hidden: "Kept, read it first",
  failed: "Failed",
};
// What may go better the next time; what is damaged or no picture stays so.
const WORTH_ANOTHER_TRY = [undefined, "", "model-failed", "not-stored", "pixel-size"];
const STATE_OF = { scored: "scored", refused: "refused", hidden: "hidden" };

export class FileRow {
  constructor(template, file, owner) {
    this.file = file;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.part("name").textContent = `${file.name}, ${size(file.size)}`;
    this.part("again").addEventListener("click", () => owner.again(this));
    this.part("drop-file").addEventListener("click", () => owner.remove(this));
    this.part("again").setAttribute("aria-label", `Try ${file.name} again`);
    this.part("drop-file").setAttribute("aria-label", `Take ${file.name} off the list`);
    this.part("open").setAttribute("aria-label", `Open the result of ${file.name}`);
    this.become("pending");
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  become(state) {
    this.state = state;
    this.element.className = `upload-file is-${state}`;
    this.part("state").textContent = WORDS[state];
    this.part("progress").hidden = state !== "sending";
    this.part("again").hidden = state !== "failed" || this.hopeless;
    this.part("drop-file").hidden = state === "sending";
    if (state === "pending" || state === "sending") this.part("verdict").textContent = "";
  }

  check(megabytes) {
    this.hopeless = this.file.size > megabytes * 1e6;
    if (!this.hopeless) return;
    this.become("failed");
    this.part("verdict").textContent = `Larger than ${megabytes} MB, so it was not sent. Save it smaller, or as JPEG.`;
  }

  progress(share) {
    this.part("progress").value = share * 100;
    if (share === 1) this.part("state").textContent = "Being read";
  }

  settle(verdict) {
    this.hopeless = !WORTH_ANOTHER_TRY.includes(verdict.code);
    this.become(STATE_OF[verdict.outcome] ?? "failed");
    const known = verdict.existing ? "Already in this case: " : "";
    this.part("verdict").textContent = `${demonstration(verdict)}${known}${answer(verdict)}`;
    this.part("open").hidden = !verdict.url;
    if (verdict.url) this.part("open").href = verdict.url;
  }
}

function demonstration(verdict) {
  return verdict.demonstration ? "Demonstration, not a real score: " : "";
}

function answer(verdict) {
  const score = verdict.scores?.[verdict.label];
  const parts = [verdict.label, score === undefined ? verdict.summary : percent(score)].filter(Boolean);
  return parts.join(", ") || verdict.reason || "Scored";
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function percent(share) {
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return `${(share * 100).toFixed(1)} %`;
}
