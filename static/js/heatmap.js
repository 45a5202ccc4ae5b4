// Turns the on/off switch of the heat map into a slider of its strength.

const KEPT_UNDER = "secondread-heat";

function slider(strength) {
  const range = document.createElement("input");
  Object.assign(range, { type: "range", id: "heat-strength", min: "0", max: "100", step: "5", value: strength });
  range.className = "form-range";
  const label = document.createElement("label");
  label.htmlFor = range.id;
  label.textContent = "Heat map";
  const shown = document.createElement("output");
  shown.htmlFor = range.id;
  shown.className = "num";
  const row = document.createElement("div");
  row.className = "heat-slider";
  row.append(label, range, shown);
  return { row, range, shown };
}

function upgrade(viewer) {
  const heat = viewer.querySelector("[data-heat]");
  const { row, range, shown } = slider(sessionStorage.getItem(KEPT_UNDER) ?? "70");
  const show = () => {
    heat.style.opacity = range.value / 100;
    shown.textContent = range.value === "0" ? "off" : `${range.value} %`;
    range.setAttribute("aria-valuetext", shown.textContent);
    sessionStorage.setItem(KEPT_UNDER, range.value);
  };
  range.addEventListener("input", show);
  viewer.querySelector("[data-heatmap-tools]").prepend(row);
  viewer.classList.add("has-slider");
  show();
}

document.querySelectorAll("[data-heatmap]").forEach(upgrade);
