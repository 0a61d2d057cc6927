// What the graphics card holds: programs, arrays and pictures.

const FLOATS_PER_MARK = 13;

function linkProgram(gl, vertexSource, fragmentSource) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertexSource], [gl.FRAGMENT_SHADER, fragmentSource]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(program, i);
    uniforms[name] = gl.getUniformLocation(program, name);
  }
  return { program, uniforms, attribute: (name) => gl.getAttribLocation(program, name) };
}

/** The canvas as many pixels as the screen gives it, at most two per CSS pixel; returns width and height. */
function fitToElement(canvas) {
  const ratio = Math.min(2, window.devicePixelRatio || 1);
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return [width, height];
}

function surfaceBuffers(gl, surface, motion, corners) {
  const data = new Float32Array(corners * 7);
  const array = gl.createVertexArray(), moving = gl.createBuffer();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, moving);
  gl.bufferData(gl.ARRAY_BUFFER, data.byteLength, gl.DYNAMIC_DRAW);
  point(gl, surface.attribute("position"), 3, gl.FLOAT, false, 28, 0);
  point(gl, surface.attribute("normal"), 3, gl.FLOAT, false, 28, 12);
  point(gl, surface.attribute("sigma"), 1, gl.FLOAT, false, 28, 24);
  fill(gl, gl.ARRAY_BUFFER, motion.uv);
  point(gl, surface.attribute("uv"), 2, gl.UNSIGNED_SHORT, true, 4, 0);
  fill(gl, gl.ELEMENT_ARRAY_BUFFER, motion.triangle);
  gl.bindVertexArray(null);
  return { array, moving, data };
}

function markBuffers(gl, marks) {
  const array = gl.createVertexArray(), buffer = gl.createBuffer();
  gl.bindVertexArray(array);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  let offset = 0;
  for (const [name, size] of [["start", 3], ["end", 3], ["corner", 2], ["radius", 1], ["paint", 4]]) {
    point(gl, marks.attribute(name), size, gl.FLOAT, false, FLOATS_PER_MARK * 4, offset);
    offset += size * 4;
  }
  gl.bindVertexArray(null);
  return { array, buffer };
}

function point(gl, place, size, kind, normalised, stride, offset) {
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, size, kind, normalised, stride, offset);
}

function fill(gl, target, values) {
  gl.bindBuffer(target, gl.createBuffer());
  gl.bufferData(target, values, gl.STATIC_DRAW);
}

function bindTexture(gl, unit, texture, place) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.uniform1i(place, unit);
}

function uploadPicture(gl, picture) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  gl.generateMipmap(gl.TEXTURE_2D);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  return texture;
}

function uploadScale(gl, colours) {
  const bytes = new Uint8Array(colours.flatMap((colour) => [...colour.map((level) => Math.round(level * 255)), 255]));
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, colours.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]])
    gl.texParameteri(gl.TEXTURE_2D, key, value);
  return texture;
}
