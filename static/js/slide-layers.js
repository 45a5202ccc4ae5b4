// The layers of a reading over the whole slide: which one, and how strong, the same controls say as over an image.

export function layerItems({ viewer, figure, width, height, layers }) {
  const items = new Map();
  layers.forEach((url, index) => {
    viewer.addTiledImage({
      // One tile as large as the slide: it is stretched to exactly that, however coarse it is.
      tileSource: { width, height, tileWidth: width, tileHeight: height, minLevel: 0, maxLevel: 0, getTileUrl: () => url },
      opacity: 0,
      success: ({ item }) => {
        items.set(String(index), item);
        show();
      },
    });
  });

  function show() {
    const strength = Number(figure.querySelector("#layer-strength")?.value ?? 70) / 100;
    const chosen = figure.querySelector("[name=layer]:checked")?.value;
    for (const [index, item] of items) item.setOpacity(index === chosen ? strength : 0);
  }

  for (const kind of ["input", "change"]) figure.addEventListener(kind, show);
}
