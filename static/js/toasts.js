// Short messages: from the server's replies (HX-Trigger: {"toast": {…}}), and for requests that
// got no answer. Good news leaves by itself; bad news waits to be read.

const region = document.getElementById("toasts");
const icons = { success: "check", error: "alert", warning: "alert", info: "info" };
const STAY = 6000;

function add({ text, value, tone = "info", url, action }) {
  const toast = document.createElement("div");
  toast.className = `toast toast-${tone}`;
  toast.dataset.toast = tone;
  toast.innerHTML = `<svg class="icon" aria-hidden="true"><use href="#i-${icons[tone] ?? "info"}"/></svg><div></div><button class="button button-quiet button-icon button-small" type="button" data-toast-close><svg class="icon" aria-hidden="true"><use href="#i-x"/></svg></button>`;
  const words = toast.querySelector("div");
  words.textContent = text ?? value ?? "";
  if (url) words.append(" ", Object.assign(document.createElement("a"), { href: url, textContent: action ?? url }));
  toast.querySelector("button").setAttribute("aria-label", region.dataset.dismiss);
  region.append(toast);
  raise();
  leave(toast);
}

// An open dialog covers everything that is not in the top layer.
function raise() {
  if (!document.querySelector("dialog[open]") || !region.showPopover) return;
  region.popover = "manual";
  region.showPopover();
}

function leave(toast) {
  if (!["success", "info"].includes(toast.dataset.toast)) return;
  let timer;
  const start = () => (timer = setTimeout(() => close(toast), STAY));
  const stop = () => clearTimeout(timer);
  toast.addEventListener("mouseenter", stop);
  toast.addEventListener("mouseleave", start);
  toast.addEventListener("focusin", stop);
  start();
}

function close(toast) {
  toast.remove();
  if (region.childElementCount === 0 && region.popover) {
    region.hidePopover();
    region.popover = null;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toast-close]");
  if (button) close(button.closest("[data-toast]"));
});
document.addEventListener("toast", (event) => add(event.detail));
document.addEventListener("htmx:sendError", () => add({ text: region.dataset.unreachable, tone: "error" }));
document.addEventListener("htmx:timeout", () => add({ text: region.dataset.unreachable, tone: "error" }));
document.addEventListener("htmx:responseError", (event) => {
  add({ text: region.dataset.refused.replace("{status}", event.detail.xhr.status), tone: "error" });
});

for (const toast of region.querySelectorAll("[data-toast]")) leave(toast);
