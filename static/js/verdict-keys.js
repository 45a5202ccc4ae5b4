// On the review form a chooses "agree" and o "I read it differently". Neither sends anything: saving takes a key more.

import { onKey } from "./keys.js";

function choose(verdict) {
  const radio = document.querySelector(`input[name=verdict][value=${verdict}]`);
  if (!radio) return null;
  radio.checked = true;
  for (const kind of ["input", "change"]) radio.dispatchEvent(new Event(kind, { bubbles: true }));
  return radio;
}

function focus(found) {
  found.focus();
  found.scrollIntoView({ block: "nearest" });
}

onKey((key, event) => {
  if (event.repeat || (key !== "a" && key !== "o")) return false;
  const radio = choose(key === "a" ? "agree" : "override");
  if (!radio) return false;
  const field = key === "o" && [...radio.form.querySelectorAll("select, input:not([type=hidden], [type=radio])")]
    .find((one) => one.checkVisibility());
  focus(field || (key === "a" && radio.form.querySelector("button[type=submit]")) || radio);
  return true;
});
