// Where things are, and how the eye sees them: matrices have their columns first, as WebGL reads them.

const NEAR_M = 0.01, FAR_M = 20;

function middleOf(motion, shown, frame) {
  const sum = [0, 0, 0];
  for (const hand of shown) for (let i = 0; i < 63; i++) sum[i % 3] += motion.hands[hand].joints[frame * 63 + i];
  return sum.map((value) => value / (21 * shown.length));
}

/** How far a joint gets from the middle of what is shown, over the whole clip, metres; with room for the skin. */
function typicalRadius(motion) {
  const farthest = [];
  for (let frame = 0; frame < motion.frames; frame += Math.max(1, motion.frames >> 6)) {
    const shown = motion.hands.map((_, hand) => hand).filter((hand) => motion.hands[hand].present[frame]);
    if (!shown.length) continue;
    const middle = middleOf(motion, shown, frame);
    let largest = 0;
    for (const hand of shown) {
      const joints = motion.hands[hand].joints;
      for (let i = frame * 63; i < frame * 63 + 63; i += 3)
        largest = Math.max(largest, Math.hypot(joints[i] - middle[0], joints[i + 1] - middle[1], joints[i + 2] - middle[2]));
    }
    farthest.push(largest);
  }
  farthest.sort((a, b) => a - b);
  return (farthest[Math.floor(farthest.length * 0.95)] || 0.1) + 0.012;
}

/** From camera axes (y down, z forward) to the eye's, from the lens itself; columns first. */
function cameraMatrices(look, width, height) {
  const [imageWidth, imageHeight] = look.imageSize;
  const s = Math.min(width / imageWidth, height / imageHeight);
  const { fx, fy, cx, cy } = look.K;
  const shiftX = (2 * s * (cx - imageWidth / 2)) / width, shiftY = (2 * s * (cy - imageHeight / 2)) / height;
  const projection = perspective((2 * s * fx) / width, (2 * s * fy) / height, -shiftX, shiftY);
  return [new Float32Array([1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]), projection];
}

function orbitView(centre, yaw, pitch, distance, panX, panY) {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  // Turn about the picture's upright axis, then tilt; the middle signs bring y up and z towards the eye.
  const rows = [
    [cy, 0, -sy],
    [sp * sy, -cp, sp * cy],
    [-cp * sy, -sp, -cp * cy],
  ];
  const move = rows.map((row, i) => [panX, panY, -distance][i] - row.reduce((sum, value, axis) => sum + value * centre[axis], 0));
  return new Float32Array([
    ...[rows[0][0], rows[1][0], rows[2][0], 0],
    ...[rows[0][1], rows[1][1], rows[2][1], 0],
    ...[rows[0][2], rows[1][2], rows[2][2], 0],
    ...[...move, 1],
  ]);
}

function perspective(across, up, shiftX, shiftY) {
  const depth = NEAR_M - FAR_M;
  return new Float32Array([across, 0, 0, 0, 0, up, 0, 0, shiftX, shiftY, (FAR_M + NEAR_M) / depth, -1, 0, 0, (2 * FAR_M * NEAR_M) / depth, 0]);
}
