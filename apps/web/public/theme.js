// Sets the theme before the first paint. `sluice.theme` holds "light" or "dark"; without it the system decides.
(function () {
  let pinned = null;
  try {
    pinned = localStorage.getItem('sluice.theme');
  } catch (_unavailable) {
    // Storage can be switched off; the system's theme is the answer then.
  }
  const dark = pinned === 'dark' || (pinned !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
