"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const one = (selector, within = document) => within.querySelector(selector);
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  // Copying a table
  let silence;
  const say = (text) => {
    one("#said").textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => { one("#said").textContent = ""; }, 2500);
  };
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(`Copied ${what}`);
  };
  for (const button of document.querySelectorAll("[data-csv]")) {
    const name = button.dataset.csv;
    button.addEventListener("click", () => copy(data.csv[name] ?? "", name.includes(".") ? name : `${name}.csv`));
  }
  one("#print").addEventListener("click", () => print());

  // Light and dark: figures take the colours of the page, the palette of paper lightened for a dark one
  const theme = one("#theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => theme.value === "dark" || (theme.value === "auto" && systemDark.matches);
  const lighter = { "#0072B2": "#56a8dd", "#D55E00": "#f08c46", "#009E73": "#3fc29b", "#CC79A7": "#dd9cc2",
    "#E69F00": "#f0b840", "#56B4E9": "#8fd0f5", "#7A7A7A": "#8b959e" };
  const themed = (spec) => (isDark()
    ? JSON.parse(JSON.stringify(spec), (key, value) => (key !== "field" && lighter[value]) || value) : spec);
  const config = () => {
    const [ink, soft, grid] = isDark() ? ["#e4e7ea", "#9aa4ad", "#2c3237"] : ["#1b1f23", "#59626b", "#e3e6e8"];
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
    return {
      background: null, font, view: { stroke: null },
      axis: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 8, gridColor: grid,
        domainColor: soft, tickColor: soft, labelColor: ink, titleColor: ink },
      legend: { labelFontSize: 12, labelColor: ink, titleColor: ink },
      title: { color: ink, fontSize: 12, fontWeight: "normal", anchor: "start" },
      text: { color: ink },
    };
  };

  const shown = new Set();
  const draw = async (entry) => {
    const { datasets, ...spec } = entry.spec;
    const place = one(`#figure-${entry.name} [data-plot]`);
    await window.vegaEmbed(place, { ...themed(spec), datasets }, { actions: false, ast: true, renderer: "svg", config: config(), tooltip: { theme: isDark() ? "dark" : "light" } });
  };
  const watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      const entry = data.figures.find((figure) => `figure-${figure.name}` === target.id);
      if (isIntersecting && !shown.has(entry)) {
        shown.add(entry);
        draw(entry);
      }
    }
  }, { rootMargin: "300px" });
  for (const entry of data.figures) watcher.observe(one(`#figure-${entry.name}`));

  const setTheme = () => {
    if (theme.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
    for (const entry of shown) draw(entry);
  };
  if (["light", "dark"].includes(state.get("theme"))) theme.value = state.get("theme");
  theme.addEventListener("change", setTheme);
  systemDark.addEventListener("change", setTheme);
  setTheme();
})();
