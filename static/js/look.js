// Theme, density and single-letter keys: set at once, kept in a cookie for the server to draw with.

const root = document.documentElement;

function keep(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax${secure}`;
}

function choose(name, value) {
  root.dataset[name] = value;
  keep(name, value);
  show();
}

function show() {
  for (const button of document.querySelectorAll("button[data-set]")) {
    button.setAttribute("aria-pressed", String(root.dataset[button.dataset.set] === button.value));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-set]");
  if (button) choose(button.dataset.set, button.value);
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-keys-switch]")) return;
  const value = event.target.checked ? "on" : "off";
  root.dataset.keys = value;
  keep("keys", value);
});

// The settings page saves the same choices; the cookie must not contradict them afterwards.
document.addEventListener("submit", (event) => {
  const chosen = new FormData(event.target);
  for (const name of ["theme", "density"]) if (event.target.method === "post" && chosen.get(name)) keep(name, chosen.get(name));
});

document.addEventListener("htmx:load", show);
show();
