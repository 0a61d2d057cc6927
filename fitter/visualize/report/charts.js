// Charts over the frames: drawn as SVG, so that they follow the page's colours, its width and a printer.

const SVG = "http://www.w3.org/2000/svg";
const GUTTER = 44, RIGHT = 10, TOP = 8, BOTTOM = 18;
const HEADROOM = 1.06; // of an axis above its largest value

function shape(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
}

/** Text for people: `digits` decimals, a dash for what is not there. */
const inWords = (value, digits) => (value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits));

/** Round numbers from 0 to at least `largest`, about `wanted` steps. */
function ticksUpTo(largest, wanted = 2) {
  if (!(largest > 0)) return [0, 1];
  const rough = largest / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [0];
  while (ticks[ticks.length - 1] < largest * 0.999) ticks.push(ticks.length * step);
  return ticks;
}

const tickText = (tick) => (tick === 0 ? "0" : Math.abs(tick) >= 10000 ? tick.toExponential(0).replace("+", "") : String(Number(tick.toPrecision(3))));

const shortNumber = (value) => (value >= 1e6 ? `${value / 1e6} M` : value >= 1e3 ? `${value / 1e3} k` : String(Number(value.toPrecision(2))));

/** A path over all frames, broken where values are missing; a lone value is a dot. */
function linePath(values, x, y) {
  let path = "", inside = false;
  values.forEach((value, i) => {
    if (value === null) inside = false;
    else {
      const alone = !inside && (values[i + 1] ?? null) === null;
      path += `${inside ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h.01" : ""}`;
      inside = true;
    }
  });
  return path;
}

/** The area between two rows of values, one closed piece for each run without gaps. */
function bandPath(low, high, x, y) {
  let path = "", start = -1;
  for (let i = 0; i <= low.length; i++) {
    const here = i < low.length && low[i] !== null && high[i] !== null;
    if (here && start < 0) start = i;
    if (!here && start >= 0) {
      const run = Array.from({ length: i - start }, (_, k) => start + k);
      path += `M${run.map((k) => `${x(k).toFixed(1)} ${y(high[k]).toFixed(1)}`).join("L")}L${run.reverse().map((k) => `${x(k).toFixed(1)} ${y(low[k]).toFixed(1)}`).join("L")}Z`;
      start = -1;
    }
  }
  return path;
}

/** A box with grid and axis: returns {svg, x, y, height, plot} for what is drawn into it. */
function emptyPlot(host, { height, count, top, wanted, bottom, frames }) {
  host.replaceChildren();
  const width = Math.max(160, host.clientWidth);
  const svg = shape("svg", { width: "100%", height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" }, host);
  const ticks = ticksUpTo(top, wanted).filter((tick) => tick <= top);
  const x = (i) => GUTTER + ((width - GUTTER - RIGHT) * i) / Math.max(1, count - 1);
  const y = (value) => height - bottom - ((height - bottom - TOP) * Math.min(value, top)) / top;
  for (const tick of ticks) {
    shape("line", { class: tick ? "grid" : "axis", x1: GUTTER, x2: width - RIGHT, y1: y(tick), y2: y(tick) }, svg);
    shape("text", { class: "tick", x: GUTTER - 8, y: y(tick) + 3.5, "text-anchor": "end" }, svg).textContent = tickText(tick);
  }
  if (frames) axisOfFrames(svg, x, height, count, width);
  return { svg, x, y, width, height, bottom };
}

/**
 * An upright line over a plot; returns what moves it to a frame, or hides it (null). It lies above the drawing, so that
 * moving it paints nothing anew.
 */
function upright(box, plot, kind) {
  const line = box.appendChild(document.createElement("i"));
  line.className = kind;
  line.style.top = `${TOP - 4}px`;
  line.style.height = `${plot.height - plot.bottom - TOP + 4}px`;
  return (frame) => {
    line.hidden = frame === null;
    if (frame !== null) line.style.transform = `translateX(${plot.x(frame).toFixed(1)}px)`;
  };
}

function axisOfFrames(svg, x, height, count, width) {
  const ticks = ticksUpTo(count - 1, width < 420 ? 3 : 6).filter((tick) => tick <= count - 1 && Number.isInteger(tick));
  for (const tick of ticks) shape("text", { class: "tick", x: x(tick), y: height - 4, "text-anchor": tick ? "middle" : "start" }, svg).textContent = tick * data.step;
}

/**
 * One chart of `series` over the frames. `chart`: {title, unit, digits, meaning, top, series: [{label, hand, values, low, high}]}.
 * `group` links all charts: {jump(frame), hover(frame | null), marks: [frame]}.
 */
function createChart(host, chart, frames, group) {
  const figure = host.appendChild(document.createElement("figure"));
  figure.className = "chart";
  const head = figure.appendChild(document.createElement("figcaption"));
  const title = head.appendChild(document.createElement("span"));
  title.className = "name";
  title.textContent = chart.title;
  title.title = chart.meaning;
  const unit = head.appendChild(document.createElement("span"));
  unit.className = "unit";
  unit.textContent = chart.unit;
  const readout = head.appendChild(document.createElement("span"));
  readout.className = "readout";
  const box = figure.appendChild(document.createElement("div"));
  box.className = "plot";
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", spoken(chart));
  let plot = null, cursor = null, hovered = null, at = 0;

  const top = chart.top ?? HEADROOM * Math.max(...chart.series.flatMap((row) => [...(row.high ?? []), ...row.values].filter((value) => value !== null)), 1e-9);
  function draw() {
    plot = emptyPlot(box, { height: chart.last ? 92 : 80, count: frames, top, wanted: 2, bottom: chart.last ? BOTTOM : 6, frames: chart.last });
    for (const row of chart.series) {
      if (row.low) shape("path", { class: `band hand-${row.hand}`, d: bandPath(row.low, row.high, plot.x, plot.y) }, plot.svg);
      shape("path", { class: `line hand-${row.hand}`, d: linePath(row.values, plot.x, plot.y) }, plot.svg);
      for (const mark of group.marks)
        if (mark.hand === row.hand && row.values[mark.frame] !== null)
          shape("circle", { class: "mark", cx: plot.x(mark.frame), cy: plot.y(row.values[mark.frame]), r: 2.4 }, plot.svg);
    }
    hovered = upright(box, plot, "hover");
    cursor = upright(box, plot, "cursor");
    hovered(null);
    cursor(at);
  }
  function read(frame) {
    readout.replaceChildren(
      ...chart.series.map((row) => {
        const text = document.createElement("span");
        text.className = `hand-${row.hand}`;
        text.textContent = `${chart.series.length > 1 ? `${row.label} ` : ""}${inWords(row.values[frame], chart.digits)}`;
        return text;
      }),
    );
  }
  const frameAt = (event) => {
    const { left, width } = box.getBoundingClientRect();
    const share = ((event.clientX - left) * (plot.width / width) - GUTTER) / (plot.width - GUTTER - RIGHT);
    return Math.max(0, Math.min(frames - 1, Math.round(share * (frames - 1))));
  };
  box.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") box.setPointerCapture(event.pointerId);
    group.jump(frameAt(event));
  });
  box.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) group.jump(frameAt(event));
    else group.hover(frameAt(event));
  });
  box.addEventListener("pointerleave", () => group.hover(null));
  new ResizeObserver(draw).observe(box);
  draw();
  read(0);
  return {
    show(frame) {
      at = frame;
      cursor(frame);
      read(frame);
    },
    hover(frame) {
      hovered(frame);
      read(frame ?? at);
    },
  };
}

/** What a screen reader says instead of the picture. */
function spoken(chart) {
  const rows = chart.series.map((row) => {
    const seen = row.values.filter((value) => value !== null).sort((a, b) => a - b);
    if (!seen.length) return `${row.label}: no value`;
    const [least, middle, most] = [0, seen.length >> 1, seen.length - 1].map((i) => inWords(seen[i], chart.digits));
    return `${row.label}: median ${middle}, from ${least} to ${most}`;
  });
  return `${chart.title}${chart.unit ? ` in ${chart.unit}` : ""} per frame. ${rows.join("; ")}.`;
}

/** Stacked areas of the terms' energies over the frames; `hidden` holds the ranks of terms that are left out. */
function drawEnergies(box, energies, frames, hidden, cursorFrame) {
  const shown = energies.terms.filter((term) => !hidden.has(term.rank) && term.values);
  const sums = [new Array(frames).fill(0)];
  for (const term of shown) sums.push(sums[sums.length - 1].map((below, i) => below + (term.values[i] ?? 0)));
  const missing = (i) => shown.every((term) => term.values[i] === null);
  const clean = sums.map((row) => row.map((value, i) => (missing(i) ? null : value)));
  const totals = clean[clean.length - 1].filter((value) => value !== null).sort((a, b) => a - b);
  // A single frame far above all others would flatten the rest: the axis ends a little above the highest but 1 %.
  const typical = totals[Math.floor(totals.length * 0.99)] ?? 1, most = totals[totals.length - 1] ?? 1;
  const plot = emptyPlot(box, { height: 190, count: frames, top: HEADROOM * (most > 3 * typical ? typical : most), wanted: 4, bottom: BOTTOM, frames: true });
  shown.forEach((term, i) => shape("path", { class: "area", fill: `var(--term-${Math.min(term.rank, 9)})`, d: bandPath(clean[i], clean[i + 1], plot.x, plot.y) }, plot.svg));
  const move = upright(box, plot, "cursor");
  move(cursorFrame);
  return { plot, move };
}

/** The whole energy over the solver's steps, logarithmic, one shade per stage. */
function drawTrace(box, stages) {
  const steps = stages.flatMap((stage) => stage.energies);
  const positive = steps.filter((value) => value > 0);
  if (!positive.length) return;
  const low = Math.floor(Math.log10(Math.min(...positive)) * 4) / 4, high = Math.ceil(Math.log10(Math.max(...positive)) * 4) / 4 || low + 1;
  const height = 150, bottom = 8, top = 24;
  box.replaceChildren();
  const width = Math.max(160, box.clientWidth);
  const svg = shape("svg", { width: "100%", height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, box);
  const x = (i) => GUTTER + ((width - GUTTER - RIGHT) * i) / Math.max(1, steps.length - 1);
  const y = (value) => height - bottom - ((height - bottom - top) * (Math.log10(value) - low)) / Math.max(0.25, high - low);
  let start = 0;
  stages.forEach((stage, number) => {
    const from = x(start - (start ? 0.5 : 0)), to = x(Math.min(steps.length - 1, start + stage.energies.length - 0.5));
    if (number % 2 === 0) shape("rect", { class: "stage", x: from, y: top - 18, width: Math.max(1, to - from), height: height - bottom - top + 18 }, svg);
    const label = shape("text", { class: "tick", x: from + 5, y: top - 6 }, svg);
    label.textContent = stage.name;
    if (to - from < stage.name.length * 6) label.textContent = "";
    shape("title", {}, label).textContent = stage.name;
    start += stage.energies.length;
  });
  const rounds = [];
  for (let power = Math.floor(low); power <= high; power++) for (const factor of [1, 2, 5]) rounds.push(factor * 10 ** power);
  const inside = rounds.filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
  const decades = inside.filter((value) => Number.isInteger(Math.log10(value)));
  for (const value of decades.length > 2 ? decades : inside) {
    shape("line", { class: "grid", x1: GUTTER, x2: width - RIGHT, y1: y(value), y2: y(value) }, svg);
    shape("text", { class: "tick", x: GUTTER - 8, y: y(value) + 3.5, "text-anchor": "end" }, svg).textContent = shortNumber(value);
  }
  shape("path", { class: "line trace", d: linePath(steps.map((value) => (value > 0 ? value : null)), x, y) }, svg);
  for (let i = 0; i < steps.length; i++) if (steps[i] > 0 && steps.length < 200) shape("circle", { class: "step", cx: x(i), cy: y(steps[i]), r: 1.8 }, svg);
}
