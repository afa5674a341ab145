// Before anything else of the console: what did not come, as the network changed under way or the server started anew, is asked for again.
(() => {
  const TRIES = 3;
  const KEY = 'atelier-reloads';

  /** Loads the page again, a little later each time; false where that was tried often enough. */
  globalThis.atelierReload = () => {
    const tried = Number(sessionStorage.getItem(KEY) ?? 0);
    if (tried >= TRIES) return false;
    sessionStorage.setItem(KEY, String(tried + 1));
    setTimeout(() => location.reload(), 300 * 2 ** tried);
    return true;
  };

  function tell() {
    const text = document.createElement('p');
    text.setAttribute('role', 'alert');
    text.textContent = 'The console could not be loaded. / 控制台加载失败。';
    const again = document.createElement('button');
    again.textContent = 'Try again / 重试';
    again.addEventListener('click', () => {
      sessionStorage.removeItem(KEY);
      location.reload();
    });
    document.getElementById('root')?.replaceChildren(text, again);
  }

  let failed = false;
  addEventListener(
    'error',
    ({ target }) => {
      const isPart = target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
      // Once the console stands, it tells of what fails by itself.
      if (!isPart || failed || document.getElementById('root')?.childElementCount) return;
      failed = true;
      if (!globalThis.atelierReload()) tell();
    },
    true,
  );
})();
