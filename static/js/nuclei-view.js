// An image with marked nuclei on a canvas that can be moved and enlarged. It draws what it is given and tells which
// nucleus was pointed at; what a nucleus is called is not its business.

const LARGEST = 16;
const REACH = 16;
const DRAG = 4;

export class NucleiView {
  constructor(canvas, image, onPoint) {
    Object.assign(this, { canvas, image, onPoint, marks: [], current: null, shown: true, pointers: new Map() });
    this.pen = canvas.getContext("2d");
    this.whole();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      if (this.pointers.size === 1) this.travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.offsetX, y: event.offsetY };
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    this.travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (other) {
      const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
      this.travelled += DRAG;
      this.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (this.travelled > DRAG) {
      this.left += now.x - before.x;
      this.top += now.y - before.y;
      this.draw();
    }
  }

  release(event) {
    const held = this.pointers.delete(event.pointerId);
    if (!held || this.pointers.size || this.travelled > DRAG) return;
    const nearest = this.nearest(event.offsetX, event.offsetY);
    if (nearest !== null) this.onPoint(nearest);
  }

  nearest(x, y) {
    let best = null;
    let least = REACH;
    this.marks.forEach((mark, index) => {
      const away = Math.hypot(mark.x * this.scale + this.left - x, mark.y * this.scale + this.top - y);
      if (away < least) [best, least] = [index, away];
    });
    return best;
  }

  // The next nucleus that way: near, and not far off to the side.
  next(across, down) {
    const from = this.marks[this.current];
    if (!from) return this.marks.length ? (this.nearestToMiddle() ?? 0) : null;
    let best = null;
    let least = Infinity;
    this.marks.forEach((mark, index) => {
      const ahead = (mark.x - from.x) * across + (mark.y - from.y) * down;
      const aside = Math.abs((mark.x - from.x) * down) + Math.abs((mark.y - from.y) * across);
      if (index !== this.current && ahead > 0 && ahead + 2 * aside < least) [best, least] = [index, ahead + 2 * aside];
    });
    return best;
  }

  nearestToMiddle() {
    const middle = { x: (this.width / 2 - this.left) / this.scale, y: (this.height / 2 - this.top) / this.scale };
    const away = (one) => Math.hypot(one.x - middle.x, one.y - middle.y);
    return this.marks.reduce((best, mark, index) => (away(mark) < away(this.marks[best]) ? index : best), 0);
  }

  select(index) {
    this.current = index;
    const { x, y } = this.marks[index];
    const [left, top] = [x * this.scale + this.left, y * this.scale + this.top];
    const edge = 30;
    if (left < edge || top < edge || left > this.width - edge || top > this.height - edge) {
      this.left += this.width / 2 - left;
      this.top += this.height / 2 - top;
    }
    this.draw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || (clientWidth === this.width && clientHeight === this.height)) return;
    const first = !this.width;
    const untouched = this.scale === this.least;
    this.width = clientWidth;
    this.height = clientHeight;
    const dense = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * dense);
    this.canvas.height = Math.round(clientHeight * dense);
    if (first || untouched) this.whole();
    else this.draw();
  }

  whole() {
    this.least = Math.min(this.width / this.image.naturalWidth, this.height / this.image.naturalHeight) || 1;
    this.scale = this.least;
    this.left = (this.width - this.image.naturalWidth * this.scale) / 2 || 0;
    this.top = (this.height - this.image.naturalHeight * this.scale) / 2 || 0;
    this.draw();
  }

  // Without a place, about the nucleus that is being looked at.
  zoom(factor, x, y) {
    const here = this.marks[this.current];
    x ??= here ? here.x * this.scale + this.left : this.width / 2;
    y ??= here ? here.y * this.scale + this.top : this.height / 2;
    const scale = Math.min(LARGEST, Math.max(this.least, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.width) this.paint();
    });
  }

  paint() {
    const { pen, image, scale, left, top } = this;
    const dense = this.canvas.width / this.width;
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.imageSmoothingEnabled = scale < 3;
    pen.drawImage(image, left, top, image.naturalWidth * scale, image.naturalHeight * scale);
    if (!this.shown) return;
    const radius = Math.min(15, Math.max(2.5, 9 * scale));
    pen.font = "600 11px system-ui, sans-serif";
    this.marks.forEach((mark, index) => {
      const [x, y] = [mark.x * scale + left, mark.y * scale + top];
      if (x < -radius || y < -radius || x > this.width + radius || y > this.height + radius) return;
      this.paintMark(mark, x, y, radius);
      if (index === this.current) this.paintCurrent(x, y, radius + 5);
    });
  }

  paintMark(mark, x, y, radius) {
    const { pen } = this;
    pen.beginPath();
    if (mark.key === "") {
      pen.moveTo(x - radius / 1.5, y - radius / 1.5);
      pen.lineTo(x + radius / 1.5, y + radius / 1.5);
      pen.moveTo(x - radius / 1.5, y + radius / 1.5);
      pen.lineTo(x + radius / 1.5, y - radius / 1.5);
    } else {
      pen.arc(x, y, radius, 0, 2 * Math.PI);
    }
    // A ring and no disk: the reader must see the stain inside.
    if (mark.changed) this.stroke(8, "#1c1d26");
    this.stroke(mark.changed ? 6 : 4, mark.changed ? "#fff" : "#1c1d26");
    if (mark.changed) this.stroke(4, "#1c1d26");
    this.stroke(2, mark.colour);
    if (radius >= 10 && mark.key) this.write(mark.key, x + radius * 0.75, y - radius * 0.75);
  }

  paintCurrent(x, y, radius) {
    this.pen.beginPath();
    this.pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    this.stroke(5, "#fff");
    this.stroke(2.5, "#4a3c94");
  }

  stroke(width, colour) {
    this.pen.lineWidth = width;
    this.pen.strokeStyle = colour;
    this.pen.stroke();
  }

  write(text, x, y) {
    this.pen.lineWidth = 3;
    this.pen.strokeStyle = "#fff";
    this.pen.strokeText(text, x, y);
    this.pen.fillStyle = "#1c1d26";
    this.pen.fillText(text, x, y);
  }
}
