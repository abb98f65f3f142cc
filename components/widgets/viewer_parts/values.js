// Maps as numbers: decoding, scales, thresholds, colors.

// ---------------------------------------------------------------- decoding

/* A map as 32-bit values, with what scales and thresholds ask of it. */
async function decodeMap(sent) {
  const bitmap = await bitmapOf(sent.src);
  const { width, height } = bitmap;
  const pen = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(bitmap, 0, 0);
  const bytes = pen.getImageData(0, 0, width, height).data;
  const values = new Float32Array(width * height);
  const step = (sent.high - sent.low) / sent.top;
  for (let i = 0; i < values.length; i++) {
    const index = bytes[4 * i] * 256 + bytes[4 * i + 1];
    values[i] = bytes[4 * i + 2] > 127 ? NaN : sent.low + index * step;
  }
  const { low, high, flat, unit, signed } = sent;
  const field = { values, width, height };
  return { low, high, flat, unit, signed, field, smooth: interpolated(field), sorted: null };
}

/* The same values on a finer grid, between pixel centers; next to a gap, the nearest value. */
function interpolated({ values, width, height }) {
  const times = Math.max(1, Math.round(SMOOTH_SIDE / Math.max(width, height)));
  if (times === 1) return { values, width, height };
  const [wide, high] = [width * times, height * times];
  const fine = new Float32Array(wide * high);
  const across = Array.from({ length: wide }, (_, at) => between(at, times, width));
  for (let y = 0; y < high; y++) {
    const down = between(y, times, height);
    const [above, below] = [down.first * width, down.second * width];
    for (let x = 0; x < wide; x++) {
      const { first, second, share } = across[x];
      const top = values[above + first] * (1 - share) + values[above + second] * share;
      const bottom = values[below + first] * (1 - share) + values[below + second] * share;
      const mixed = top * (1 - down.share) + bottom * down.share;
      fine[y * wide + x] = Number.isNaN(mixed)
        ? values[Math.floor(y / times) * width + Math.floor(x / times)] : mixed;
    }
  }
  return { values: fine, width: wide, height: high };
}

function between(at, times, length) {
  const place = clamp((at + 0.5) / times - 0.5, 0, length - 1);
  const first = Math.floor(place);
  return { first, second: Math.min(first + 1, length - 1), share: place - first };
}

// ---------------------------------------------------------------- scales and thresholds

function maps(view) {
  return view.panels.map((panel) => panel.map).filter(Boolean);
}

function kindOf(map) {
  return `${map.unit}/${map.signed}`;
}

function scaleOf(view, map) {
  const group = view.look.shared ? maps(view).filter((one) => kindOf(one) === kindOf(map)) : [map];
  const low = Math.min(...group.map((one) => one.low));
  const high = Math.max(...group.map((one) => one.high));
  const flat = group.length === 1 ? map.flat : high - low <= 1e-6 * Math.max(Math.abs(low), Math.abs(high));
  if (flat) return { low, high, flat };
  if (!map.signed) return { low, high, flat };
  const most = Math.max(-low, high);
  return { low: -most, high: most, flat };
}

function strength(map, value) {
  return map.signed ? Math.abs(value) : value;
}

/* The strength below which nothing is shown; null when everything is. */
function cutOf(view, map, scale) {
  const { hide, keep } = view.look;
  const start = map.signed ? 0 : scale.low;
  const byValue = hide > 0 && !scale.flat ? start + ((scale.high - start) * hide) / 100 : null;
  const byShare = keep < 100 ? strongest(map, keep) : null;
  if (byValue === null || byShare === null) return byValue ?? byShare;
  return Math.max(byValue, byShare);
}

function strongest(map, percent) {
  map.sorted ??= map.field.values.filter((value) => !Number.isNaN(value))
    .map((value) => strength(map, value)).sort();
  const { sorted } = map;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * (1 - percent / 100)))] ?? 0;
}

function shareShown(map, cut) {
  const known = map.field.values.filter((value) => !Number.isNaN(value));
  const shown = known.filter((value) => strength(map, value) >= cut).length;
  return known.length ? (100 * shown) / known.length : 0;
}

// ---------------------------------------------------------------- coloring

function rampOf(view, map) {
  if (!map.signed) return view.ramps.sequential;
  return isDark(view) ? view.ramps.divergingDark : view.ramps.divergingLight;
}

function shade(scale, value) {
  if (scale.flat) return 127; // the middle: a flat map is no signal, whatever its value
  return clamp(Math.round((255 * (value - scale.low)) / (scale.high - scale.low)), 0, 255);
}

/* The colored map as a canvas of its own grid, made again only when its look changes. */
function layerOf(view, panel) {
  const { map } = panel;
  const scale = scaleOf(view, map);
  const cut = cutOf(view, map, scale);
  const { pixelated } = view.look;
  const name = [scale.low, scale.high, scale.flat, cut, pixelated, isDark(view)].join();
  if (panel.layer?.name === name) return panel.layer;
  const field = pixelated ? map.field : map.smooth;
  panel.layer = {
    name, scale, cut, field,
    canvas: colored(map, field, scale, cut, rampOf(view, map)),
    shown: cut === null ? 100 : shareShown(map, cut),
    outline: null,
  };
  return panel.layer;
}

function colored(map, field, scale, cut, ramp) {
  const canvas = canvasOf(field.width, field.height);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(field.width, field.height);
  field.values.forEach((value, at) => {
    if (isHidden(map, value, cut)) return;
    const from = 3 * shade(scale, value);
    image.data[4 * at] = ramp[from];
    image.data[4 * at + 1] = ramp[from + 1];
    image.data[4 * at + 2] = ramp[from + 2];
    image.data[4 * at + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}

function isHidden(map, value, cut) {
  return Number.isNaN(value) || (cut !== null && strength(map, value) < cut);
}

/* The border of what is shown, as a path in grid units; empty where all is speckle. */
function outlineOf(map, layer) {
  layer.outline ??= traced(map, layer);
  return layer.outline;
}

function traced(map, { field: { values, width, height }, cut }) {
  const shown = Uint8Array.from(values, (value) => !isHidden(map, value, cut));
  const path = new Path2D();
  let edges = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const right = x + 1 < width && shown[at] !== shown[at + 1];
      const below = y + 1 < height && shown[at] !== shown[at + width];
      if (right) line(path, x + 1, y, x + 1, y + 1);
      if (below) line(path, x, y + 1, x + 1, y + 1);
      edges += right + below;
      if (edges > MOST_EDGES) return { path: new Path2D(), speckled: true };
    }
  }
  return { path, speckled: false };
}

function line(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}
