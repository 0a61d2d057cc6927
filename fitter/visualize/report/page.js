// Puts the page together: one frame number moves the hands, the video, the charts and the slider.

function startTransport() {
  const slider = $("frame");
  const seconds = (frame) => (frame / data.fps).toFixed(2);
  slider.addEventListener("input", () => jump(slider.valueAsNumber));
  $("play").addEventListener("click", () => (state.playing ? pause() : play()));
  $("back").addEventListener("click", () => jump(state.frame - 1));
  $("forward").addEventListener("click", () => jump(state.frame + 1));
  $("speed").addEventListener("change", () => {
    state.speed = Number($("speed").value);
    if (video) video.playbackRate = state.speed;
    wall = null;
  });
  followers.push({
    show(frame) {
      slider.value = frame;
      slider.setAttribute("aria-valuetext", `frame ${frame * data.step}, ${seconds(frame)} seconds, ${handsAt(frame)}`);
      $("number").textContent = frame * data.step;
      $("time").textContent = `${seconds(frame)} s`;
      $("seen").textContent = handsAt(frame);
    },
  });
  const tracks = $("tracks");
  tracks.setAttribute("viewBox", `0 0 ${Math.max(1, frames)} ${data.hands.length}`);
  data.hands.forEach((hand, row) => {
    for (const [from, to] of runs(hand.present)) bar(`hand-${row} bridged`, from, to);
    for (const [from, to] of runs(hand.observed)) bar(`hand-${row}`, from, to);
    function bar(kind, x, to) {
      shape("rect", { class: kind, x, y: row + 0.12, width: to - x, height: 0.76 }, tracks);
    }
  });
}

/** First and one past the last of every run of true entries. */
function runs(flags) {
  const found = [];
  flags.forEach((flag, i) => {
    if (flag && !flags[i - 1]) found.push([i, i + 1]);
    else if (flag) found[found.length - 1][1] = i + 1;
  });
  return found;
}

function handsAt(frame) {
  return data.hands.map((hand) => `${hand.side} ${!hand.present[frame] ? "absent" : hand.observed[frame] ? "observed" : "bridged"}`).join(", ");
}

function startKeys(viewer) {
  const colours = { 1: "plain", 2: "texture", 3: "uncertainty", 4: "skeleton" };
  const actions = {
    " ": () => (state.playing ? pause() : play()),
    ArrowLeft: (event) => jump(state.frame - (event.shiftKey ? 10 : 1)),
    ArrowRight: (event) => jump(state.frame + (event.shiftKey ? 10 : 1)),
    Home: () => jump(0),
    End: () => jump(frames - 1),
    c: () => viewer?.look("camera"),
    f: () => viewer?.look("front"),
    "[": () => viewer?.turn(-0.2, 0),
    "]": () => viewer?.turn(0.2, 0),
    "+": () => viewer?.zoom(1.15),
    "-": () => viewer?.zoom(1 / 1.15),
  };
  // A button that was clicked gives the space bar back; one that was reached by Tab keeps it.
  document.addEventListener("click", (event) => event.detail && event.target.closest?.("button")?.blur());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (at instanceof HTMLSelectElement || (at instanceof HTMLButtonElement && event.key === " ")) return;
    const action = colours[event.key] && viewer ? () => pressColour(viewer, colours[event.key]) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}

function pressColour(viewer, colouring) {
  const button = document.querySelector(`[data-colouring="${colouring}"]`);
  if (!button || button.disabled) return;
  viewer.colour(colouring);
  for (const each of document.querySelectorAll("[data-colouring]")) each.setAttribute("aria-pressed", String(each === button));
  $("legend").hidden = colouring !== "uncertainty";
}

function startViewer(viewer) {
  for (const button of document.querySelectorAll("[data-colouring]")) button.addEventListener("click", () => pressColour(viewer, button.dataset.colouring));
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => viewer.look(button.dataset.view));
  const showView = () => {
    const { fromCamera, yaw, pitch } = viewer.state;
    for (const button of document.querySelectorAll("[data-view]")) {
      const angles = VIEWS[button.dataset.view];
      const here = fromCamera ? !angles : angles && Math.hypot(yaw - angles[0], pitch - angles[1]) < 1e-6;
      button.setAttribute("aria-pressed", String(Boolean(here)));
    }
  };
  viewer.onView(showView);
  showView();
  if (!viewer.textured) document.querySelector('[data-colouring="texture"]').disabled = true;
  followers.push(viewer);
  pressColour(viewer, viewer.textured ? "texture" : "plain");
}

function startCharts() {
  const charts = [];
  const group = {
    jump,
    hover: (frame) => charts.forEach((chart) => chart.hover(frame)),
    marks: data.worst,
  };
  for (const chart of data.charts) charts.push(createChart($("charts"), chart, frames, group));
  followers.push(...charts);
  for (const button of document.querySelectorAll("[data-frame]")) button.addEventListener("click", () => jump(Number(button.dataset.frame)));
}

function startEnergies() {
  const box = $("energies");
  if (!box) return;
  const hidden = new Set();
  let hand = 0, drawn = null;
  const draw = () => (drawn = drawEnergies(box, data.energies[hand], frames, hidden, state.frame));
  const drawSteps = () => $("trace") && drawTrace($("trace"), data.energies[hand].stages);
  for (const button of document.querySelectorAll("[data-term]"))
    button.addEventListener("click", () => {
      const term = Number(button.dataset.term);
      if (!hidden.delete(term)) hidden.add(term);
      for (const each of document.querySelectorAll(`[data-term="${term}"]`)) each.setAttribute("aria-pressed", String(!hidden.has(term)));
      draw();
    });
  for (const button of document.querySelectorAll("[data-energy-hand]"))
    button.addEventListener("click", () => {
      hand = Number(button.dataset.energyHand);
      for (const each of document.querySelectorAll("[data-energy-hand]")) each.setAttribute("aria-pressed", String(each === button));
      for (const table of document.querySelectorAll("[data-table-hand]")) table.hidden = Number(table.dataset.tableHand) !== hand;
      draw();
      drawSteps();
    });
  box.addEventListener("pointerdown", (event) => {
    const { left, width } = box.getBoundingClientRect();
    const share = ((event.clientX - left) * (drawn.plot.width / width) - GUTTER) / (drawn.plot.width - GUTTER - RIGHT);
    jump(Math.round(share * (frames - 1)));
  });
  new ResizeObserver(draw).observe(box);
  if ($("trace")) new ResizeObserver(drawSteps).observe($("trace"));
  draw();
  followers.push({ show: (frame) => drawn.move(frame) });
}

function startRest() {
  $("copy")?.addEventListener("click", async () => {
    await navigator.clipboard?.writeText($("command").textContent).catch(() => {});
    $("copy").textContent = "Copied";
  });
  for (const button of document.querySelectorAll("[data-panel]"))
    button.addEventListener("click", () => {
      $("panels").dataset.shown = button.dataset.panel;
      for (const each of document.querySelectorAll("[data-panel]")) each.setAttribute("aria-pressed", String(each === button));
    });
}

async function loadPicture(source) {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  return picture;
}

async function main() {
  startTransport();
  startCharts();
  startEnergies();
  startRest();
  let viewer = null;
  if (data.motion) {
    const motion = await unpackMotion(data.motion, embeddedBytes("motion-data"));
    const textures = await Promise.all(data.hands.map((hand) => hand.texture && loadPicture($(hand.texture).src)));
    viewer = createViewer($("scene"), motion, { ...data.look, textures });
    if (viewer) startViewer(viewer);
    else $("scene-note").hidden = false;
  }
  startKeys(viewer);
  setFrame(data.first);
  viewer?.draw();
  startVideo();
  seekVideo();
  // For whoever measures or tests the page.
  window.handfit = { state, viewer, jump, play, pause, readyAfterMs: performance.now() };
  document.documentElement.dataset.ready = "true";
}

main().catch((error) => {
  $("scene-note").hidden = false;
  console.error(error);
});
