// The moving surface, unpacked: what fitter/visualize/report/motion.py packed.

const KINDS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };

/** The bytes of a <script> element that holds base64. */
function embeddedBytes(id) {
  const text = atob(document.getElementById(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function gunzip(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Changes -> positions: Int16 steps in the order frame, vertex, axis. Sums wrap at 16 bits, as they were written. */
function unpackSteps(planes, frames, vertices) {
  const size = frames * vertices * 3;
  const steps = new Int16Array(size);
  for (let axis = 0; axis < 3; axis++) {
    let from = axis * frames * vertices;
    for (let frame = 0; frame < frames; frame++) {
      let to = frame * vertices * 3 + axis;
      const before = frame ? -vertices * 3 : 0;
      for (let vertex = 0; vertex < vertices; vertex++, from++, to += 3) {
        const zigzag = planes[from] | (planes[from + size] << 8);
        const change = (zigzag >>> 1) ^ -(zigzag & 1);
        steps[to] = change + (before ? steps[to + before] : 0);
      }
    }
  }
  return steps;
}

/** {frames, vertices, corner, uv, triangle, hands: [{side, present, observed, stepM, steps, joints, sigma, near, share}]} */
async function unpackMotion(about, bytes) {
  const buffer = await gunzip(bytes);
  const array = (name) => {
    const place = about.layout[name];
    return new KINDS[place.kind](buffer, place.offset, place.length);
  };
  const hands = about.hands.map((hand, number) => ({
    ...hand,
    steps: unpackSteps(array(`motion_${number}`), about.frames, about.vertices),
    joints: array(`joints_${number}`),
    sigma: array(`sigma_${number}`),
    near: array(`near_${number}`),
    share: array(`share_${number}`),
  }));
  return { ...about, hands, corner: array("corner"), uv: array("uv"), triangle: array("triangle") };
}

/** Positions of one frame, metres in camera axes, into `out` (vertices x 3). */
function positionsAt(motion, hand, frame, out) {
  const base = frame * motion.vertices * 3;
  const wrist = frame * 63;
  const [x, y, z] = [hand.joints[wrist], hand.joints[wrist + 1], hand.joints[wrist + 2]];
  for (let i = 0; i < motion.vertices * 3; i += 3) {
    out[i] = hand.steps[base + i] * hand.stepM + x;
    out[i + 1] = hand.steps[base + i + 1] * hand.stepM + y;
    out[i + 2] = hand.steps[base + i + 2] * hand.stepM + z;
  }
}

/** Smooth normals (not of length one) of the vertices, outward; `flip` where the faces are wound for the other side. */
function normalsOf(motion, faces, positions, flip, out) {
  out.fill(0);
  const sign = flip ? -1 : 1;
  for (let f = 0; f < faces.length; f += 3) {
    const a = faces[f] * 3, b = faces[f + 1] * 3, c = faces[f + 2] * 3;
    const ux = positions[b] - positions[a], uy = positions[b + 1] - positions[a + 1], uz = positions[b + 2] - positions[a + 2];
    const vx = positions[c] - positions[a], vy = positions[c + 1] - positions[a + 1], vz = positions[c + 2] - positions[a + 2];
    const nx = sign * (uy * vz - uz * vy), ny = sign * (uz * vx - ux * vz), nz = sign * (ux * vy - uy * vx);
    for (const v of [a, b, c]) {
      out[v] += nx;
      out[v + 1] += ny;
      out[v + 2] += nz;
    }
  }
}
