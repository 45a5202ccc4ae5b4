// Adds a slider for the strength of the layer that lies over the image. Which layer that is, CSS decides.

const KEPT_UNDER = "secondread-layer";

function slider(strength) {
  const range = document.createElement("input");
  Object.assign(range, { type: "range", id: "layer-strength", min: "0", max: "100", step: "5", value: strength });
  range.className = "form-range";
  const label = document.createElement("label");
  label.htmlFor = range.id;
  label.textContent = "Strength";
  const shown = document.createElement("output");
  shown.htmlFor = range.id;
  shown.className = "num";
  const row = document.createElement("div");
  row.className = "layer-slider";
  row.append(label, range, shown);
  return { row, range, shown };
}

function upgrade(viewer) {
  const layers = viewer.querySelectorAll("[data-layer]");
  const { row, range, shown } = slider(sessionStorage.getItem(KEPT_UNDER) ?? "70");
  const show = () => {
    for (const layer of layers) layer.style.opacity = range.value / 100;
    shown.textContent = range.value === "0" ? "off" : `${range.value} %`;
    range.setAttribute("aria-valuetext", shown.textContent);
    sessionStorage.setItem(KEPT_UNDER, range.value);
  };
  const choose = () => {
    row.hidden = viewer.querySelector("[name=layer]:checked")?.value === "";
  };
  range.addEventListener("input", show);
  viewer.addEventListener("change", choose);
  viewer.querySelector(".viewer-stage").before(row);
  show();
  choose();
}

document.querySelectorAll("[data-viewer]").forEach(upgrade);
