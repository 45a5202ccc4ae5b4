// Draws one shape with mouse, finger or pen: a point where it is set down, a box where it is drawn, a polygon corner by
// corner until a double click, Enter or a click on its beginning ends it. Escape gives up.

const NEAR = 12;
const MOST_CORNERS = 500;

export const HELP = {
  "": "",
  point: "Click where the point is.",
  box: "Draw from one corner to the opposite one.",
  polygon: "Click corner after corner; a double click or Enter ends it, Escape gives up.",
};

export class Pen {
  // `done(shape, points)` is told of a whole drawing, `ended()` that the pen is put away.
  constructor(slide, { done, ended }) {
    Object.assign(this, { slide, done, ended, shape: "", points: [] });
    const { svg } = slide.shapes;
    const on = (kind, act) => svg.addEventListener(kind, (event) => this.shape && act(event));
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.moveTo(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", () => this.put(""));
    on("dblclick", () => this.close());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  put(shape) {
    this.shape = shape;
    this.points = [];
    this.slide.shapes.svg.classList.toggle("is-drawing", Boolean(shape));
    this.slide.viewer.setMouseNavEnabled(!shape);
    this.slide.shapes.showSketch("", []);
    if (!shape) this.ended();
  }

  down(event) {
    event.preventDefault();
    // Enter and Escape are meant for the drawing now.
    this.slide.viewer.canvas.focus({ preventScroll: true });
    const place = this.slide.place(event);
    if (this.shape === "box") {
      this.points = [place, place];
      event.target.setPointerCapture?.(event.pointerId);
    } else if (this.shape === "point") this.finish([place]);
    else this.corner(place);
  }

  corner(place) {
    const last = this.points.at(-1);
    if (last && this.near(last, place)) return;
    if (this.points.length > 2 && this.near(this.points[0], place)) this.close();
    else if (this.points.length < MOST_CORNERS) this.points.push(place);
    this.sketch();
  }

  moveTo(event) {
    const place = this.slide.place(event);
    if (this.shape === "box" && this.points.length) {
      this.points[1] = place;
      this.sketch();
    } else if (this.shape === "polygon" && this.points.length) {
      this.slide.shapes.showSketch("polygon", [...this.points, place]);
    }
  }

  up(event) {
    if (this.shape !== "box" || !this.points.length) return;
    this.points[1] = this.slide.place(event);
    const [[x0, y0], [x1, y1]] = this.points;
    if (x0 !== x1 && y0 !== y1) this.finish(this.points);
    else this.put("");
  }

  key(event) {
    if (!this.shape) return;
    if (event.key === "Escape") this.put("");
    if (event.key === "Enter" && !event.target.closest("button, a, input, select, textarea")) this.close();
  }

  close() {
    if (this.shape === "polygon" && this.points.length > 2) this.finish(this.points);
  }

  finish(points) {
    const { shape } = this;
    this.put("");
    this.done(shape, points);
  }

  sketch() {
    this.slide.shapes.showSketch(this.shape, this.points);
  }

  near([x0, y0], [x1, y1]) {
    return Math.hypot(x1 - x0, y1 - y0) * this.slide.transform().scale < NEAR;
  }
}
