// Tells the trail which seconds of a recording were heard: when the player pauses or ends, and
// when the page goes. A stretch is what played without a jump; what was skipped was not heard.

const JUMP = 1.5; // seconds between two looks at the clock, at normal speed
const LEAST = 1; // what is shorter is not worth an entry

const heard = new WeakMap();

const stretches = (audio) => {
  if (!heard.has(audio)) heard.set(audio, []);
  return heard.get(audio);
};

function listen(audio) {
  const at = audio.currentTime;
  const all = stretches(audio);
  const now = all.at(-1);
  const goesOn = now?.open && at >= now.end && at - now.end < JUMP * audio.playbackRate;
  if (goesOn) now.end = at;
  else all.push({ start: at, end: at, open: true });
}

function stop(audio) {
  const now = stretches(audio).at(-1);
  if (now) now.open = false;
}

// The address of the sound carries the sealed reference, …/media/REFERENCE/; what is before it is
// the account's, here as there.
const reference = (audio) => /\/media\/([^/]+)\//.exec(audio.currentSrc)?.[1];

function report(audio) {
  const ranges = stretches(audio)
    .filter((one) => one.end - one.start >= LEAST)
    .map((one) => `${Math.floor(one.start)}-${Math.max(Math.floor(one.start) + 1, Math.round(one.end))}`);
  heard.delete(audio);
  const sealed = reference(audio);
  if (!ranges.length || !sealed) return;
  const form = new FormData();
  form.set("reference", sealed);
  form.set("seconds", ranges.slice(-200).join(","));
  form.set("csrfmiddlewaretoken", JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"]);
  // Arrives even if the page is being left.
  navigator.sendBeacon(audio.currentSrc.replace(/\/media\/.*/, "/trail/heard/"), form);
}

const players = () => document.querySelectorAll("[data-player-root] audio");

// Events of media do not bubble, but they can be caught on their way down.
const on = (name, act) =>
  document.addEventListener(name, (event) => event.target.matches?.("[data-player-root] audio") && act(event.target), true);

on("timeupdate", (audio) => !audio.paused && !audio.seeking && listen(audio));
on("seeking", stop);
on("pause", (audio) => {
  stop(audio);
  report(audio);
});
on("ended", report);
addEventListener("pagehide", () => players().forEach(report));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") for (const audio of players()) if (!audio.paused) report(audio);
});
// A player that is replaced by another page's goes too.
document.addEventListener("htmx:beforeCleanupElement", (event) => {
  if (event.target.matches?.("[data-player-root]")) event.target.querySelectorAll("audio").forEach(report);
});
