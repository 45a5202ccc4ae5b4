// Single keys: what carries data-key is followed or focused, j and k walk the rows of a list, ? names the keys.
// None fires in a field, together with Ctrl, Alt or Meta, or where the page is not seen: behind an open dialog and
// under the cover of a login that has ended. All can be turned off (WCAG 2.1.4).

const KEPT_UNDER = "secondread-keys";
const FIELD = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";
const UNSEEN = "dialog[open], .is-covered";
const STEPS = { j: 1, k: -1 };
const ARROWS = { ArrowDown: 1, ArrowUp: -1 };
const help = document.querySelector("[data-keys]");

function areOn() {
  return localStorage.getItem(KEPT_UNDER) !== "off";
}

// Calls `act` with each key that is meant as a command; it answers whether it knew the key.
export function onKey(act) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (!areOn() || event.target.closest?.(FIELD) || document.querySelector(UNSEEN)) return;
    if (act(event.key, event)) event.preventDefault();
  });
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-rows] tbody tr")];
  const here = rows.findIndex((row) => row.contains(document.activeElement));
  const there = here < 0 ? rows[0] : rows[here + step];
  there?.querySelector(".row-link").focus();
  return rows.length > 0;
}

function follow(key) {
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target.matches("a, button")) target.click();
  else target.focus();
  return true;
}

function showHelp() {
  help.open = !help.open;
  help.querySelector("summary").focus();
}

function addSwitch() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-quiet";
  const name = () => {
    button.textContent = areOn() ? "Turn these keys off" : "Turn these keys on";
  };
  button.addEventListener("click", () => {
    localStorage.setItem(KEPT_UNDER, areOn() ? "off" : "on");
    name();
  });
  name();
  help.append(button);
  help.hidden = false;
}

if (help) {
  addSwitch();
  onKey((key, event) => {
    if (key in STEPS) return move(STEPS[key]);
    if (key in ARROWS) return event.target.closest?.("[data-rows]") ? move(ARROWS[key]) : false;
    if (event.repeat) return false;
    if (key === "?") {
      showHelp();
      return true;
    }
    return follow(key);
  });
}
