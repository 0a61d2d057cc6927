// The hands in 3D: `createViewer(canvas, motion, look)` draws one frame at a time and is turned by mouse, touch and keys.

const FIELD_OF_VIEW = 0.5; // radians, upright
const BONE_RADIUS_M = 0.0016, JOINT_RADIUS_M = 0.0026;
const BRIDGED_ALPHA = 0.5; // of a frame without a detection
const TURN_PER_PIXEL = 0.008;
const COLOURINGS = ["plain", "texture", "uncertainty", "skeleton"];
const VIEWS = { front: [0, 0], side: [Math.PI / 2, 0], top: [0, Math.PI / 2] };

/** `look`: {tints, fingers, scale: [[r, g, b]...] 0..1, fullSigmaMm, textures: {hand: Image}, parents, K, imageSize}. */
function createViewer(canvas, motion, look) {
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: true, premultipliedAlpha: true });
  if (!gl) return null;
  const surface = linkProgram(gl, SURFACE_VERTEX, SURFACE_FRAGMENT);
  const marks = linkProgram(gl, MARK_VERTEX, MARK_FRAGMENT);
  const corners = motion.corner.length;
  const buffers = surfaceBuffers(gl, surface, motion, corners);
  const markBuffer = markBuffers(gl, marks);
  const textures = motion.hands.map((_, hand) => look.textures[hand] && uploadPicture(gl, look.textures[hand]));
  const scale = uploadScale(gl, look.scale);
  const faces = Uint32Array.from(motion.triangle, (corner) => motion.corner[corner]);
  const positions = new Float32Array(motion.vertices * 3), normals = new Float32Array(motion.vertices * 3);
  const radius = typicalRadius(motion);
  const state = { frame: 0, colouring: "plain", fromCamera: false, yaw: 0, pitch: 0, zoom: 1, panX: 0, panY: 0, asked: false };
  let centre = [0, 0, 0.5];
  let changed = () => {};

  function draw() {
    state.asked = false;
    const [width, height] = fitToElement(canvas);
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const shown = motion.hands.map((_, hand) => hand).filter((hand) => motion.hands[hand].present[state.frame]);
    if (shown.length) centre = middleOf(motion, shown, state.frame);
    const [view, projection] = state.fromCamera ? cameraMatrices(look, width, height) : orbitMatrices(width, height);
    for (const hand of shown) drawHand(hand, view, projection);
    if (state.colouring === "skeleton") drawMarks(shown, view, projection);
  }

  function orbitMatrices(width, height) {
    // A tall canvas is narrow: what must fit is the smaller side.
    const narrow = Math.min(1, width / height);
    const room = canvas.clientHeight < 340 ? 1.2 : 1.02; // the buttons cover more of a small one
    const distance = (room * radius) / Math.sin(FIELD_OF_VIEW / 2) / narrow / state.zoom;
    const f = 1 / Math.tan(FIELD_OF_VIEW / 2);
    const projection = perspective((f * height) / width, f, 0, 0);
    return [orbitView(centre, state.yaw, state.pitch, distance, state.panX * radius, state.panY * radius), projection];
  }

  function drawHand(number, view, projection) {
    const hand = motion.hands[number];
    fillSurface(motion, number, state.frame, { positions, normals, faces, data: buffers.data });
    gl.useProgram(surface.program);
    gl.bindVertexArray(buffers.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.moving);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, buffers.data);
    const ghost = state.colouring === "skeleton" ? 0.22 : 1;
    const picture = textures[number];
    const colouring = state.colouring === "texture" && !picture ? 0 : Math.max(0, COLOURINGS.indexOf(state.colouring)) % 3;
    gl.uniformMatrix4fv(surface.uniforms.view, false, view);
    gl.uniformMatrix4fv(surface.uniforms.projection, false, projection);
    gl.uniform1i(surface.uniforms.colouring, colouring);
    gl.uniform1i(surface.uniforms.mirrored, hand.side === "left" ? 1 : 0);
    gl.uniform3fv(surface.uniforms.tint, look.tints[hand.side]);
    gl.uniform1f(surface.uniforms.alpha, ghost * (hand.observed[state.frame] ? 1 : BRIDGED_ALPHA));
    gl.uniform1f(surface.uniforms.inked, 0.3);
    gl.uniform1f(surface.uniforms.fullSigma, look.fullSigmaMm);
    bindTexture(gl, 0, picture || scale, surface.uniforms.albedo);
    bindTexture(gl, 1, scale, surface.uniforms.scale);
    gl.enable(gl.DEPTH_TEST);
    if (ghost < 1 || !hand.observed[state.frame]) {
      // A clear hand shows its nearest surface only: depth first, colour where it is equal.
      gl.colorMask(false, false, false, false);
      gl.drawElements(gl.TRIANGLES, motion.triangle.length, gl.UNSIGNED_INT, 0);
      gl.colorMask(true, true, true, true);
    }
    gl.depthFunc(gl.LEQUAL);
    gl.drawElements(gl.TRIANGLES, motion.triangle.length, gl.UNSIGNED_INT, 0);
  }

  function drawMarks(shown, view, projection) {
    const data = new Float32Array(shown.flatMap((hand) => marksOf(motion.hands[hand], state.frame, look)));
    gl.useProgram(marks.program);
    gl.bindVertexArray(markBuffer.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, markBuffer.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.uniformMatrix4fv(marks.uniforms.view, false, view);
    gl.uniformMatrix4fv(marks.uniforms.projection, false, projection);
    gl.disable(gl.DEPTH_TEST);
    gl.drawArrays(gl.TRIANGLES, 0, data.length / FLOATS_PER_MARK);
  }

  const viewer = {
    state,
    textured: textures.some(Boolean),
    draw,
    /** Draw before the next repaint, however often it is asked. */
    ask() {
      if (state.asked) return;
      state.asked = true;
      requestAnimationFrame(draw);
    },
    show(frame) {
      state.frame = frame;
      viewer.ask();
    },
    colour(colouring) {
      state.colouring = colouring;
      viewer.ask();
    },
    /** `view`: "camera", or one of VIEWS. */
    look(view) {
      state.fromCamera = view === "camera";
      if (!state.fromCamera) [state.yaw, state.pitch] = VIEWS[view];
      [state.panX, state.panY, state.zoom] = [0, 0, 1];
      changed();
      viewer.ask();
    },
    turn(yaw, pitch) {
      state.fromCamera = false;
      state.yaw += yaw;
      state.pitch = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, state.pitch + pitch));
      changed();
      viewer.ask();
    },
    zoom(factor) {
      if (state.fromCamera) return;
      state.zoom = Math.max(0.3, Math.min(8, state.zoom * factor));
      viewer.ask();
    },
    pan(x, y) {
      state.panX += x;
      state.panY += y;
      viewer.ask();
    },
    onView(listener) {
      changed = listener;
    },
  };
  listenToPointers(canvas, viewer);
  new ResizeObserver(viewer.ask).observe(canvas);
  return viewer;
}

/** One finger or button turns, two fingers or Shift move and zoom; the wheel zooms once the picture has the focus. */
function listenToPointers(canvas, viewer) {
  const held = new Map();
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, [event.clientX, event.clientY]);
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    const other = [...held].find(([id]) => id !== event.pointerId);
    held.set(event.pointerId, [event.clientX, event.clientY]);
    if (other) {
      const [x, y] = other[1];
      viewer.zoom(Math.hypot(event.clientX - x, event.clientY - y) / Math.max(1, Math.hypot(before[0] - x, before[1] - y)));
      viewer.pan(dx / canvas.clientHeight, -dy / canvas.clientHeight);
    } else if (event.shiftKey) viewer.pan((2 * dx) / canvas.clientHeight, (-2 * dy) / canvas.clientHeight);
    else viewer.turn(dx * TURN_PER_PIXEL, dy * TURN_PER_PIXEL);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => held.delete(event.pointerId));
  canvas.addEventListener("dblclick", () => viewer.look("front"));
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return; // the page scrolls on
      event.preventDefault();
      viewer.zoom(Math.exp(-event.deltaY * 0.0015));
    },
    { passive: false },
  );
}

/** Position, normal and sigma (mm) of every corner in this frame, into `into.data`. */
function fillSurface(motion, number, frame, into) {
  const hand = motion.hands[number];
  positionsAt(motion, hand, frame, into.positions);
  normalsOf(motion, into.faces, into.positions, hand.side === "left", into.normals);
  for (let corner = 0, to = 0; corner < motion.corner.length; corner++, to += 7) {
    const vertex = motion.corner[corner];
    for (let axis = 0; axis < 3; axis++) {
      into.data[to + axis] = into.positions[vertex * 3 + axis];
      into.data[to + 3 + axis] = into.normals[vertex * 3 + axis];
    }
    const share = hand.share[vertex] / 255, base = frame * 21;
    into.data[to + 6] = share * hand.sigma[base + hand.near[vertex * 2]] + (1 - share) * hand.sigma[base + hand.near[vertex * 2 + 1]];
  }
}

/** Bones, then around every joint a disc as large as its sigma, then the joint: two triangles each. */
function marksOf(hand, frame, look) {
  const joint = (number) => hand.joints.subarray((frame * 21 + number) * 3, (frame * 21 + number) * 3 + 3);
  const colour = (number) => (number ? look.fingers[(number - 1) >> 2] : look.fingers[5]);
  const floats = [];
  const add = (start, end, radius, paint, alpha) => {
    for (const [x, y] of [[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]]) floats.push(...start, ...end, x, y, radius, ...paint, alpha);
  };
  for (let number = 0; number < 21; number++) add(joint(number), joint(number), hand.sigma[frame * 21 + number] / 1000, colour(number), 0.2);
  for (let number = 1; number < 21; number++) add(joint(look.parents[number]), joint(number), BONE_RADIUS_M, colour(number), 0.95);
  for (let number = 0; number < 21; number++) add(joint(number), joint(number), JOINT_RADIUS_M, colour(number), 1);
  return floats;
}
