// Loaded before the first paint, so that a chosen theme never flashes the other one.
(() => {
  const root = document.documentElement;
  root.dataset.script = "on";
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage is refused: the system's theme it is.
  }
})();
