  // What all pages share; the script of a page follows in the same function.
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // The state of the page may stand in its address: #theme=dark&why=miss&saliency=on
  const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  // Saying what was done
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
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(`Copied ${what}`);
  };
  for (const button of all("[data-csv]")) {
    const name = button.dataset.csv;
    button.addEventListener("click", () => copy(data.csv[name] ?? "", name.includes(".") ? name : `${name}.csv`));
  }
  one("#print").addEventListener("click", () => print());

  // Light and dark: figures take the colours of the page, the palette of paper lightened for a dark one
  const theme = one("#theme");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => theme.value === "dark" || (theme.value === "auto" && systemDark.matches);
  if (["light", "dark"].includes(state.get("theme"))) theme.value = state.get("theme");
  const startTheme = (redraw) => {
    const set = () => {
      if (theme.value === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme.value;
      redraw();
    };
    theme.addEventListener("change", set);
    systemDark.addEventListener("change", set);
    set();
  };
  const lighter = { "#0072B2": "#56a8dd", "#D55E00": "#f08c46", "#009E73": "#3fc29b", "#CC79A7": "#dd9cc2",
    "#E69F00": "#f0b840", "#56B4E9": "#8fd0f5", "#7A7A7A": "#b0b0b0" };
  const themed = (spec) => (isDark()
    ? JSON.parse(JSON.stringify(spec), (key, value) => (key !== "field" && lighter[value]) || value) : spec);
  const embedOptions = (text, title) => {
    const [ink, soft, grid] = isDark() ? ["#e4e7ea", "#9aa4ad", "#2c3237"] : ["#1b1f23", "#59626b", "#e3e6e8"];
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
    const config = {
      background: null, font, view: { stroke: null },
      axis: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 8, gridColor: grid,
        domainColor: soft, tickColor: soft, labelColor: ink, titleColor: ink },
      legend: { labelFontSize: 12, labelColor: ink, titleColor: ink },
      text: { color: ink, ...text },
      title: { color: ink, fontWeight: "normal", anchor: "start", ...title },
    };
    return { actions: false, ast: true, renderer: "svg", config, tooltip: { theme: isDark() ? "dark" : "light" } };
  };
