// A chart is one keyboard stop: arrows go from bar to bar, Enter follows the one in focus.

function start(root) {
  for (const plot of root.querySelectorAll(".chart-plot")) {
    const bars = [...plot.querySelectorAll("a")];
    const stop = bars.find((bar) => bar.hasAttribute("aria-current")) ?? bars.at(-1);
    for (const bar of bars) bar.tabIndex = bar === stop ? 0 : -1;
  }
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

document.addEventListener("keydown", (event) => {
  const bar = event.target.closest(".chart-plot a");
  const step = STEPS[event.key];
  if (!bar || !step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const bars = [...bar.closest(".chart-plot").querySelectorAll("a")];
  const place = Math.min(Math.max(bars.indexOf(bar) + step, 0), bars.length - 1);
  bar.tabIndex = -1;
  bars[place].tabIndex = 0;
  bars[place].focus();
});

document.addEventListener("htmx:load", (event) => start(event.detail.elt));
start(document);
