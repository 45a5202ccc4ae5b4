// A bar of a round length in µm or mm, as long as it is on the screen now.

const LONGEST = 140;

export class ScaleBar {
  constructor(slide) {
    this.slide = slide;
    this.element = document.createElement("div");
    this.element.className = "slide-scale";
    this.bar = document.createElement("span");
    this.bar.className = "slide-scale-bar";
    this.words = document.createElement("span");
    this.element.append(this.bar, this.words);
    slide.stage.append(this.element);
    if (slide.um) slide.onMove(() => this.draw());
    else this.words.textContent = "No pixel size, no scale bar";
  }

  draw() {
    const umPerScreenPixel = this.slide.um / this.slide.transform().scale;
    const um = round(umPerScreenPixel * LONGEST);
    this.bar.style.width = `${um / umPerScreenPixel}px`;
    this.words.textContent = um >= 1000 ? `${um / 1000} mm` : `${um} µm`;
  }
}

// The largest 1, 2 or 5 times a power of ten that is not larger.
function round(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [5, 2, 1].find((one) => one * power <= most);
  return Number((step * power).toPrecision(3));
}
