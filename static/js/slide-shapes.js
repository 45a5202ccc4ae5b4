// Regions and drawings as an SVG over the slide, in the slide's own pixels: moving it moves them all.

const SVG = "http://www.w3.org/2000/svg";
const POINT_RADIUS = 7;
const LETTER = 16;

export class Shapes {
  constructor(slide) {
    this.slide = slide;
    this.svg = make("svg", { class: "slide-shapes", "aria-hidden": "true", focusable: "false" });
    this.ground = make("g", {});
    this.regions = make("g", { class: "viewer-boxes" });
    this.drawn = make("g", { class: "drawn" });
    this.sketch = make("g", { class: "drawn is-sketch" });
    this.ground.append(this.regions, this.drawn, this.sketch);
    this.svg.append(this.ground);
    slide.viewer.canvas.append(this.svg);
    slide.onMove(() => this.move());
  }

  takeRegions(boxes) {
    for (const text of boxes.querySelectorAll("text")) text.removeAttribute("font-size");
    this.regions.append(...boxes.childNodes);
  }

  move() {
    const { scale, x, y } = this.slide.transform();
    this.ground.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    this.ground.setAttribute("font-size", LETTER / scale);
    this.radius = POINT_RADIUS / scale;
    for (const circle of this.ground.querySelectorAll("circle")) circle.setAttribute("r", this.radius);
  }

  // `marks`: [{shape, points, number, own}…]
  show(marks) {
    this.drawn.replaceChildren(...marks.map((one) => this.mark(one)));
  }

  showSketch(shape, points) {
    this.sketch.replaceChildren(...(points.length ? [this.mark({ shape, points, own: true, open: true })] : []));
  }

  mark({ shape, points, number, own, open }) {
    const group = make("g", { class: own ? "is-own" : "is-other" });
    for (const part of ["drawn-edge", "drawn-line"]) group.append(this.outline(shape, points, part, open));
    if (number) {
      const [x, y] = points[0];
      const text = make("text", { class: "box-number", x, y });
      text.textContent = number;
      group.append(text);
    }
    return group;
  }

  outline(shape, points, part, open) {
    if (shape === "point" || points.length === 1) {
      return make("circle", { class: part, cx: points[0][0], cy: points[0][1], r: this.radius });
    }
    if (shape === "box") {
      const [[x0, y0], [x1, y1]] = points;
      return make("rect", { class: part, x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0),
        height: Math.abs(y1 - y0) });
    }
    return make(open ? "polyline" : "polygon", { class: part, points: points.map((one) => one.join(",")).join(" ") });
  }
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
