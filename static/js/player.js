// The player: our controls over the browser's <audio>. One plays at a time; the place is kept in
// the address as #t=83 so that a link leads to a moment.

const clock = (seconds) => {
  const whole = Math.floor(seconds || 0);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
};

function set(root) {
  if ("ready" in root.dataset) return;
  const audio = root.querySelector("audio");
  audio.controls = false;
  root.dataset.ready = "";
  if ("peaksKnown" in root.dataset) waves(root);
  const at = Number(/[#&]t=(\d+(?:\.\d+)?)/.exec(location.hash)?.[1]);
  if (at && root === document.querySelector("[data-player-root]")) seek(root, at);
  // Events of media do not bubble.
  audio.addEventListener("timeupdate", () => draw(root));
  audio.addEventListener("loadedmetadata", () => draw(root));
  audio.addEventListener("play", () => (playing(root), waves(root)));
  audio.addEventListener("pause", () => playing(root));
  audio.addEventListener("ended", () => playing(root));
  audio.addEventListener("error", () => failed(root));
  root.querySelector(".player-volume").style.setProperty("--done", `${audio.volume * 100}%`);
  draw(root);
}

const length = (root) => {
  const audio = root.querySelector("audio");
  return Number.isFinite(audio.duration) ? audio.duration : Number(audio.dataset.seconds ?? 0);
};

function playing(root) {
  const audio = root.querySelector("audio");
  root.toggleAttribute("data-playing", !audio.paused);
  const button = root.querySelector("[data-do=play]");
  button.setAttribute("aria-label", audio.paused ? button.dataset.play : button.dataset.pause);
  if (!audio.paused) {
    for (const other of document.querySelectorAll("[data-player-root][data-playing]")) if (other !== root) other.querySelector("audio").pause();
  } else if (audio.currentTime && !root.closest("dialog")) {
    history.replaceState(history.state, "", `#t=${Math.floor(audio.currentTime)}`);
  }
}

// Before the file is there a wish for a moment is kept until its length is known.
function seek(root, seconds) {
  const audio = root.querySelector("audio");
  const to = Math.min(Math.max(0, seconds), length(root) || seconds);
  if (audio.readyState > 0) audio.currentTime = to;
  else audio.addEventListener("loadedmetadata", () => (audio.currentTime = to), { once: true });
  if (audio.readyState === 0) audio.preload = "metadata";
  draw(root, to);
}

function draw(root, at = root.querySelector("audio").currentTime) {
  const end = length(root);
  const slider = root.querySelector(".player-seek");
  slider.max = end;
  slider.value = at;
  slider.style.setProperty("--done", `${end ? (at / end) * 100 : 0}%`);
  slider.setAttribute("aria-valuetext", `${clock(at)} / ${clock(end)}`);
  root.querySelector("[data-now]").textContent = clock(at);
  root.querySelector("[data-length]").textContent = clock(end);
  if (root.peaks) paint(root, end ? at / end : 0);
  follow(root, at);
}

// An address is good for some hours; whoever kept the page open longer gets a fresh one.
async function failed(root) {
  const audio = root.querySelector("audio");
  const { renew } = root.dataset;
  delete root.dataset.renew;
  const at = audio.currentTime;
  const answer = renew && (await fetch(renew, { method: "HEAD" }).catch(() => null));
  if (!answer?.ok) {
    root.querySelector(".player-error").hidden = false;
    return playing(root);
  }
  audio.src = answer.url;
  if (at) seek(root, at);
  audio.play().catch(() => {});
}

async function waves(root) {
  if (!root.dataset.peaks) return;
  const url = root.dataset.peaks;
  delete root.dataset.peaks;
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok || answer.status === 204) return;
  root.peaks = await answer.json();
  root.dataset.waves = "";
  new ResizeObserver(() => draw(root)).observe(root.querySelector("canvas"));
  draw(root);
}

function paint(root, done) {
  const canvas = root.querySelector("canvas");
  const { width, height } = canvas.getBoundingClientRect();
  if (!width) return;
  const scale = devicePixelRatio || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const colours = getComputedStyle(canvas);
  const [before, after] = [colours.color, getComputedStyle(root.querySelector(".player-clock")).color];
  const bars = Math.floor(width / 3);
  for (let bar = 0; bar < bars; bar += 1) {
    const from = Math.floor((bar / bars) * root.peaks.length);
    const to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * root.peaks.length));
    const peak = Math.max(...root.peaks.slice(from, to));
    const tall = Math.max(2, peak * (height - 4));
    pen.globalAlpha = bar / bars < done ? 1 : 0.45;
    pen.fillStyle = bar / bars < done ? before : after;
    pen.fillRect(bar * 3, (height - tall) / 2, 2, tall);
  }
}

// The transcript line that is being said
function follow(root, at) {
  const list = document.querySelector(`[data-transcript="${CSS.escape(root.id)}"]`);
  if (!list || root.querySelector("audio").readyState === 0) return;
  const lines = [...list.querySelectorAll("[data-start]")];
  const now = lines.findLast((line) => Number(line.dataset.start) <= at + 0.05);
  if (now?.classList.contains("is-now")) return;
  for (const line of lines) line.classList.toggle("is-now", line === now);
  if (now && !list.matches(":hover, :focus-within")) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 3;
}

function act(root, what) {
  const audio = root.querySelector("audio");
  const speed = root.querySelector(".player-speed");
  const faster = (by) => {
    speed.selectedIndex = Math.min(Math.max(0, speed.selectedIndex + by), speed.length - 1);
    audio.playbackRate = Number(speed.value);
  };
  ({
    play: () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()),
    back: () => seek(root, audio.currentTime - 10),
    forward: () => seek(root, audio.currentTime + 10),
    left: () => seek(root, audio.currentTime - 5),
    right: () => seek(root, audio.currentTime + 5),
    slower: () => faster(-1),
    faster: () => faster(1),
  })[what]?.();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) return act(button.closest("[data-player-root]"), button.dataset.do);
  const moment = event.target.closest("[data-seek]");
  const root = moment && document.getElementById(moment.dataset.player);
  if (!root) return;
  event.preventDefault();
  seek(root, Number(moment.dataset.seek));
  root.querySelector("audio").play().catch(() => {});
});

document.addEventListener("input", (event) => {
  const root = event.target.closest("[data-player-root]");
  if (!root) return;
  const audio = root.querySelector("audio");
  if (event.target.matches(".player-seek")) seek(root, Number(event.target.value));
  if (event.target.matches(".player-volume")) {
    audio.volume = Number(event.target.value);
    event.target.style.setProperty("--done", `${audio.volume * 100}%`);
  }
  if (event.target.matches(".player-speed")) audio.playbackRate = Number(event.target.value);
});

const keys = { " ": "play", ArrowLeft: "left", ArrowRight: "right", "<": "slower", ">": "faster" };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const list = event.target.closest?.("[data-transcript]");
  const root = event.target.closest?.("[data-player-root]") ?? (list && document.getElementById(list.dataset.transcript));
  if (!root || !keys[event.key]) return;
  // A button's own Space, a slider's own arrows and the speed list keep theirs.
  if (event.target.matches("select, .player-volume") || (event.key === " " && event.target.matches("button, a"))) return;
  event.preventDefault();
  act(root, keys[event.key]);
});

function start(within) {
  for (const root of within.querySelectorAll("[data-player-root]")) set(root);
}
document.addEventListener("htmx:load", (event) => start(event.detail.elt));
start(document);
