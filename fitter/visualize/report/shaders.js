// What the viewer's graphics card runs. Eye axes are OpenGL's: x right, y up, the eye looks along -z; metres.

const SURFACE_VERTEX = `#version 300 es
uniform mat4 view, projection;
in vec3 position, normal;
in vec2 uv;
in float sigma;
out vec3 eyePosition, eyeNormal;
out vec2 textureUv;
out float value;
void main() {
  vec4 eye = view * vec4(position, 1.0);
  eyePosition = eye.xyz;
  eyeNormal = mat3(view) * normal;
  textureUv = uv;
  value = sigma;
  gl_Position = projection * eye;
}`;

// A wrapped lamp over the left shoulder, an even sky and a faint rim: soft enough that no side is black.
const SURFACE_FRAGMENT = `#version 300 es
precision highp float;
uniform int colouring, mirrored;
uniform vec3 tint;
uniform float alpha, fullSigma, inked;
uniform sampler2D albedo, scale;
in vec3 eyePosition, eyeNormal;
in vec2 textureUv;
in float value;
out vec4 colour;
void main() {
  vec3 n = normalize(eyeNormal), eye = normalize(-eyePosition);
  bool outside = gl_FrontFacing != (mirrored == 1); // a left hand's faces are wound the other way
  bool inside = dot(n, eye) < 0.0 && !outside;
  if (dot(n, eye) < 0.0) n = -n;
  vec3 srgb = tint;
  if (colouring == 1) srgb = texture(albedo, vec2(textureUv.x, 1.0 - textureUv.y)).rgb;
  if (colouring == 2) srgb = texture(scale, vec2(clamp(value / fullSigma, 0.004, 0.996), 0.5)).rgb;
  vec3 lamp = normalize(vec3(-0.42, 0.62, 0.68));
  float wrapped = max((dot(n, lamp) + 0.35) / 1.35, 0.0);
  float sky = 0.5 + 0.5 * n.y;
  float facing = max(dot(n, eye), 0.0);
  float light = 0.26 + 0.16 * sky + 0.74 * wrapped * wrapped + 0.10 * facing;
  float gloss = colouring == 1 ? 0.05 : 0.09;
  float shine = gloss * pow(max(dot(n, normalize(lamp + eye)), 0.0), 28.0);
  vec3 linear = pow(srgb, vec3(2.2)) * light + shine;
  if (inside) linear *= 0.35;
  linear *= 1.0 - inked * pow(1.0 - facing, 4.0);
  colour = vec4(pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2)) * alpha, alpha);
}`;

// A bone is a ribbon that faces the eye, a joint a disc: `corner` is -1..1 along and across.
const MARK_VERTEX = `#version 300 es
uniform mat4 view, projection;
in vec3 start, end;
in vec2 corner;
in float radius;
in vec4 paint;
out vec2 place;
out vec4 ink;
flat out int disc;
void main() {
  vec3 s = (view * vec4(start, 1.0)).xyz, e = (view * vec4(end, 1.0)).xyz;
  vec2 along = e.xy - s.xy;
  disc = length(end - start) < 1e-7 ? 1 : 0;
  along = length(along) < 1e-7 ? vec2(1.0, 0.0) : normalize(along);
  vec2 across = vec2(-along.y, along.x);
  vec3 middle = mix(s, e, corner.x * 0.5 + 0.5);
  vec2 shift = across * corner.y * radius + (disc == 1 ? along * corner.x * radius : vec2(0.0));
  place = corner;
  ink = paint;
  gl_Position = projection * vec4(middle + vec3(shift, 0.0), 1.0);
}`;

const MARK_FRAGMENT = `#version 300 es
precision highp float;
in vec2 place;
in vec4 ink;
flat in int disc;
out vec4 colour;
void main() {
  float edge = disc == 1 ? length(place) : abs(place.y);
  float soft = max(fwidth(edge), 1e-4);
  float cover = 1.0 - smoothstep(1.0 - soft, 1.0, edge);
  colour = vec4(ink.rgb, 1.0) * ink.a * cover;
}`;
