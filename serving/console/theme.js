// Applies the chosen theme before anything is drawn; without a choice the system's theme holds.
(() => {
  const chosen = localStorage.getItem("millrace-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
