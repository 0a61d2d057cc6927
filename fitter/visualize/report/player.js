// One frame number for the whole page, and the clock that moves it: the video while it plays, else the wall.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const frames = data.frames;
const followers = []; // each: {show(frame)}
const state = { frame: 0, playing: false, speed: 1 };

function setFrame(frame) {
  state.frame = Math.max(0, Math.min(frames - 1, frame));
  for (const follower of followers) follower.show(state.frame);
}

/** Show this frame and stop where the clip plays. */
function jump(frame) {
  if (state.playing) pause();
  setFrame(frame);
  seekVideo();
}

const video = $("video");
let lastVideoFrame = -Infinity, wall = null, wanted = null;

function videoPlays() {
  return video && !video.error && video.readyState >= 2;
}

function seekVideo() {
  if (!video || video.error) return;
  wanted = (state.frame + 0.5) / data.videoFps;
  if (video.seeking) return; // the end of this seek starts the next: the slider never waits in a queue
  video.currentTime = wanted;
  wanted = null;
}

function play() {
  if (frames < 2) return;
  if (state.frame >= frames - 1) setFrame(0);
  state.playing = true;
  wall = null;
  if (videoPlays()) {
    video.playbackRate = state.speed;
    video.currentTime = (state.frame + 0.5) / data.videoFps;
    video.play().catch(() => {}); // a browser that refuses leaves the clock to the wall
  }
  showPlaying();
  requestAnimationFrame(tick);
}

function pause() {
  state.playing = false;
  video?.pause();
  showPlaying();
  seekVideo();
}

function showPlaying() {
  $("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
  $("play").classList.toggle("playing", state.playing);
}

function tick(now) {
  if (!state.playing) return;
  if (videoPlays() && !video.paused) {
    wall = null;
    if (video.ended || video.currentTime > (frames - 0.2) / data.videoFps) restart();
    else if (now - lastVideoFrame > 150 && !video.seeking) setFrame(Math.floor(video.currentTime * data.videoFps));
  } else if (video?.ended) restart();
  else {
    wall ??= { since: now, from: state.frame };
    const frame = wall.from + Math.floor(((now - wall.since) / 1000) * data.fps * state.speed);
    if (frame >= frames) wall = { since: now, from: 0 };
    setFrame(frame % frames);
  }
  requestAnimationFrame(tick);
}

function restart() {
  setFrame(0);
  wall = null;
  if (!videoPlays()) return;
  video.currentTime = 0;
  video.play().catch(() => {});
}

function onVideoFrame(now, about) {
  if (state.playing && !video.seeking) {
    lastVideoFrame = now;
    setFrame(Math.round(about.mediaTime * data.videoFps));
  }
  video.requestVideoFrameCallback(onVideoFrame);
}

function startVideo() {
  if (!video) return;
  video.addEventListener("seeked", () => wanted !== null && !state.playing && seekVideo());
  video.addEventListener("error", () => {
    $("video-note").hidden = false;
    video.hidden = true;
  });
  video.src = URL.createObjectURL(new Blob([embeddedBytes("video-data")], { type: "video/mp4" }));
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(onVideoFrame);
}
