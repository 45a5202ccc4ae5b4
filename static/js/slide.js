// A slide's viewer: OpenSeadragon over the portal's tiles, layers of a reading over it, regions, drawings, a scale bar.
// Without this script the same place shows an overview, and links zoom.

import { Drawings } from "./slide-drawings.js";
import { layerItems } from "./slide-layers.js";
import { ScaleBar } from "./slide-scale.js";
import { Shapes } from "./slide-shapes.js";

const MOST_SCREEN_PIXELS = 3;
const MARGIN = 0.25;
// F and R, as OpenSeadragon asks for them.
const TURNING = [70, 82];
const { OpenSeadragon } = window;

class SlideViewer {
  constructor(figure) {
    this.figure = figure;
    this.stage = figure.querySelector("[data-slide-stage]");
    const { width, height, levels, um } = figure.dataset;
    Object.assign(this, { width: Number(width), height: Number(height), levels: Number(levels), um: Number(um) });
    this.layers = [...this.stage.querySelectorAll("[data-layer]")].map((one) => one.src);
    this.boxes = this.stage.querySelector(".viewer-boxes");
    this.open();
  }

  open() {
    standForStyle();
    const host = document.createElement("div");
    host.className = "slide-host";
    this.stage.replaceChildren(host);
    this.stage.classList.add("is-live");
    this.viewer = OpenSeadragon(this.options(host));
    this.viewer.addOnceHandler("open", () => this.opened());
    // F would mirror the slide and R turn it, and neither the regions nor the drawings: a box would be kept mirrored.
    this.viewer.addHandler("canvas-key", (event) => {
      if (TURNING.includes(event.originalEvent.keyCode)) event.preventDefaultAction = true;
    });
    this.viewer.canvas.setAttribute("role", "application");
    this.viewer.canvas.setAttribute("aria-label",
      `${this.figure.dataset.name}. Arrow keys move, plus and minus zoom, 0 shows the whole slide.`);
  }

  options(element) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return {
      element, drawer: "canvas", showNavigationControl: false, showNavigator: true,
      navigatorPosition: "BOTTOM_RIGHT", navigatorSizeRatio: 0.18, navigatorAutoFade: false, animationTime: still ? 0 : 0.6,
      maxZoomPixelRatio: MOST_SCREEN_PIXELS, visibilityRatio: 0.4, imageLoaderLimit: 6, loadTilesWithAjax: false,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { pinchRotate: false }, gestureSettingsPen: { clickToZoom: false },
      tileSources: [this.tiles()],
    };
  }

  tiles() {
    const { tiles } = this.figure.dataset;
    return {
      width: this.width, height: this.height, tileSize: 512, tileOverlap: 0, minLevel: 0, maxLevel: this.levels - 1,
      getTileUrl: (level, column, row) => `${tiles}/${level}/${column}_${row}.jpg`,
    };
  }

  opened() {
    this.item = this.viewer.world.getItemAt(0);
    this.shapes = new Shapes(this);
    if (this.boxes) this.shapes.takeRegions(this.boxes);
    new ScaleBar(this);
    layerItems(this);
    this.tools();
    const list = document.querySelector("[data-annotations]");
    if (list) this.drawings = new Drawings(this, list);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-go]");
      if (!link) return;
      event.preventDefault();
      this.goTo(...link.dataset.go.split(",").map(Number));
    });
    if (this.figure.dataset.window) this.goTo(...this.figure.dataset.window.split(",").map(Number));
    this.figure.dataset.ready = "";
  }

  tools() {
    const tools = this.figure.querySelector("[data-slide-tools]");
    const acts = {
      in: () => this.viewer.viewport.zoomBy(2),
      out: () => this.viewer.viewport.zoomBy(0.5),
      home: () => this.viewer.viewport.goHome(),
      full: () => this.viewer.setFullScreen(true),
    };
    for (const button of tools.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => {
        acts[button.dataset.act]();
        this.viewer.viewport.applyConstraints();
      });
    }
    tools.hidden = false;
  }

  // With something around it: a cell alone says little.
  goTo(x, y, width, height) {
    const [aside, above] = [MARGIN * width, MARGIN * height];
    const around = [x - aside, y - above, width + 2 * aside, height + 2 * above];
    this.viewer.viewport.fitBoundsWithConstraints(this.item.imageToViewportRectangle(...around));
    this.figure.scrollIntoView({ block: "nearest" });
    this.viewer.canvas.focus({ preventScroll: true });
  }

  // What is in view as [x, y, width, height] in pixels of the slide.
  inView() {
    const { x, y, width, height } = this.item.viewportToImageRectangle(this.viewer.viewport.getBounds());
    const left = Math.max(0, Math.round(x));
    const top = Math.max(0, Math.round(y));
    return [left, top, Math.min(this.width, Math.round(x + width)) - left,
      Math.min(this.height, Math.round(y + height)) - top];
  }

  // Where on the slide the pointer is, never beside it.
  place(event) {
    const { left, top } = this.viewer.canvas.getBoundingClientRect();
    const at = this.item.viewerElementToImageCoordinates(
      new OpenSeadragon.Point(event.clientX - left, event.clientY - top));
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    return [within(at.x, this.width), within(at.y, this.height)];
  }

  // Screen pixels per pixel of the slide, and where the slide's corner is on the screen.
  transform() {
    const corner = this.item.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    const end = this.item.imageToViewerElementCoordinates(new OpenSeadragon.Point(this.width, 0));
    return { scale: (end.x - corner.x) / this.width, x: corner.x, y: corner.y };
  }

  onMove(act) {
    for (const kind of ["update-viewport", "resize", "open"]) this.viewer.addHandler(kind, act);
    act();
  }
}

// OpenSeadragon adds a style sheet of its own where it finds none, which the content security policy refuses; what it
// looks for is a name. Its one rule stands in slides.css.
function standForStyle() {
  const name = "data-openseadragon-mobile-css";
  if (document.querySelector(`style[${name}]`)) return;
  const empty = document.createElementNS("urn:secondread:none", "style");
  empty.setAttribute(name, "");
  document.head.append(empty);
}

document.querySelectorAll("[data-slide]").forEach((figure) => new SlideViewer(figure));
