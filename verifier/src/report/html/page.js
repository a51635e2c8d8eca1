
"use strict";
// Filters, keys, light and dark. The page reads without it. `page:changed` tells lanes.js what is shown.
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  const facets = ["rule", "session", "user", "state"];
  const violations = all(".violation");
  const rows = all("main tbody tr[data-rule], main tbody tr[data-session], main tbody tr[data-user], main [data-item]");
  const items = [...violations, ...rows];
  const texts = new Map();
  let current = null;

  const text = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };

  /** An element that says nothing of a facet is not filtered by it. */
  function matches(item, chosen, words) {
    for (const [facet, value] of chosen) {
      const own = item.dataset[facet];
      if (own === undefined) continue;
      const fits = facet === "state" ? own === value || own.split(" ").includes(value) : own.split(" ").includes(value);
      if (!fits) return false;
    }
    return words.every((word) => text(item).includes(word));
  }

  function filter() {
    const chosen = facets.map((facet) => [facet, $(facet).value]).filter(([, value]) => value !== "");
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) item.hidden = !matches(item, chosen, words);
    for (const section of all("main section")) {
      const nothing = section.querySelector(":scope > .nothing");
      if (nothing) nothing.hidden = items.some((item) => !item.hidden && section.contains(item));
    }
    const shown = violations.filter((one) => !one.hidden).length;
    const filtered = chosen.length > 0 || words.length > 0;
    $("told").value = filtered ? `${shown} of ${violations.length} violations on this page` : "";
    if (current?.hidden) select(null);
    document.dispatchEvent(new CustomEvent("page:changed"));
  }

  function clear() {
    for (const facet of facets) $(facet).value = "";
    $("search").value = "";
    filter();
  }

  function select(one) {
    current?.classList.remove("current");
    current = one;
    one?.classList.add("current");
    document.dispatchEvent(new CustomEvent("page:current", { detail: one?.id ?? null }));
  }

  /** Shows a violation: whatever it stands in is opened. */
  function go(one) {
    for (let at = one; at; at = at.parentElement?.closest("details")) at.open = true;
    const summary = one.querySelector("summary");
    summary.focus();
    one.scrollIntoView({ block: "nearest" });
    select(one);
  }

  function step(by) {
    const shown = violations.filter((one) => !one.hidden);
    if (shown.length === 0) return;
    const at = shown.indexOf(current);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + by, 0), shown.length - 1);
    go(shown[next]);
  }

  function openAll() {
    const shown = violations.filter((one) => !one.hidden);
    const open = shown.some((one) => !one.open);
    for (const one of shown) one.open = open;
  }

  // What is scrolled to stands below the filters, where they stay at the top.
  const tools = all(".tools")[0];
  if (tools) {
    new ResizeObserver(() => {
      const stays = getComputedStyle(tools).position === "sticky";
      root.style.scrollPaddingTop = stays ? `${tools.offsetHeight + 12}px` : "";
    }).observe(tools);
  }

  const themes = ["auto", "light", "dark"];
  function theme(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    $("theme").textContent = name;
    $("theme").setAttribute("aria-label", `Light or dark: ${name}`);
    // A page from a file may have no storage.
    try { localStorage.setItem("wsaudit-theme", name); } catch { /* it is chosen for this time only */ }
  }
  const nextTheme = () => theme(themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % themes.length]);
  let stored = null;
  try { stored = localStorage.getItem("wsaudit-theme"); } catch { /* none */ }
  theme(themes.includes(stored) ? stored : "auto");

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    o: openAll,
    t: nextTheme,
    z: () => document.dispatchEvent(new CustomEvent("page:zoom")),
    "/": () => { $("search").focus(); $("search").select(); },
    "?": () => $("help").showModal(),
    Escape: clear,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    if (event.target.matches("input:not([type=checkbox]), select")) {
      if (event.key === "Escape") { clear(); event.target.blur(); }
      return;
    }
    let act = keys[event.key];
    if (event.target.matches(".violation > summary")) {
      if (event.key === "ArrowDown") act = keys.j;
      if (event.key === "ArrowUp") act = keys.k;
    }
    if (act) { event.preventDefault(); act(); }
  });
  for (const one of violations) {
    one.addEventListener("focusin", () => { if (current !== one) select(one); });
  }
  document.addEventListener("page:go", (event) => {
    const one = $(event.detail);
    if (one && !one.hidden) go(one);
  });

  const form = document.querySelector(".tools");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  $("clear").addEventListener("click", clear);
  $("theme").addEventListener("click", nextTheme);
  $("keys").addEventListener("click", keys["?"]);
  function follow() {
    const target = location.hash.length > 1 ? $(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.matches(".violation")) go(target);
    else if (target?.matches("details")) target.open = true;
  }
  addEventListener("hashchange", follow);
  filter();
  follow();
})();
