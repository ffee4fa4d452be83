  // This script runs before the pictures behind it are read.
  const whenRead = (work) => {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", work);
    else work();
  };

  one("#copy-methods").addEventListener("click", () => copy(data.methods, "the methods"));

  // Curves
  const drawn = new Map();
  const percentOf = (count, of) => `${count.toLocaleString("en")} of ${of.toLocaleString("en")}`;
  const threeDigits = (value) => value.toFixed(3);
  const thresholdText = (value) => (value === null ? "above every score" : `\u2265 ${Number(value.toPrecision(4))}`);

  function rocWords(series, i) {
    const sensitivity = series.y[i], specificity = 1 - series.x[i];
    const words = [["Threshold", thresholdText(series.threshold[i])]];
    const negatives = series.n - series.positives;
    if (!(series.positives > 0 && negatives > 0)) {
      return [...words, ["Sensitivity", threeDigits(sensitivity)], ["Specificity", threeDigits(specificity)]];
    }
    const tp = Math.round(sensitivity * series.positives), fp = Math.round(series.x[i] * negatives);
    return [...words,
      ["Sensitivity", `${threeDigits(sensitivity)} (${percentOf(tp, series.positives)})`],
      ["Specificity", `${threeDigits(specificity)} (${percentOf(negatives - fp, negatives)})`],
      ["PPV", tp + fp ? `${threeDigits(tp / (tp + fp))} (${percentOf(tp, tp + fp)})` : "none called positive"],
      ["Recall rate", `${threeDigits((tp + fp) / series.n)} (${percentOf(tp + fp, series.n)})`],
      ...atPrevalence(sensitivity, series.x[i]),
    ];
  }
  // Bayes' theorem, where a prevalence was given.
  function atPrevalence(sensitivity, falseRate) {
    const p = data.prevalence;
    if (p === null) return [];
    const true_ = sensitivity * p, called = true_ + falseRate * (1 - p), of = `at prevalence ${Number((100 * p).toPrecision(4))}%`;
    return [[`PPV ${of}`, called ? threeDigits(true_ / called) : "none called positive"], [`Recall rate ${of}`, threeDigits(called)]];
  }
  function frocWords(series, i, unit) {
    const words = [["Threshold", thresholdText(series.threshold[i])]];
    const found = series.positives ? ` (${percentOf(Math.round(series.y[i] * series.positives), series.positives)} ${unit}s)` : "";
    const marks = series.n && data.countsFalseMarks
      ? ` (${Math.round(series.x[i] * series.n).toLocaleString("en")} in ${series.n.toLocaleString("en")} images)` : "";
    return [...words, ["Sensitivity", threeDigits(series.y[i]) + found], ["FPI", threeDigits(series.x[i]) + marks]];
  }
  // Precision at a point of the ROC curve, exact from its counts.
  function onPrecisionRecall(series, i) {
    const tp = series.y[i] * series.positives, fp = series.x[i] * (series.n - series.positives);
    return tp + fp > 0 ? { x: series.y[i], y: tp / (tp + fp) } : null;
  }

  // Vega-Lite reads names (not numbers) of a tooltip from the pointer's cell instead of from the point in it.
  const namesFromPoints = (spec) => {
    for (const mark of spec.marks) {
      const tooltip = mark.encode?.update?.tooltip;
      if (mark.type === "path" && tooltip?.signal) {
        tooltip.signal = tooltip.signal.replaceAll(/(?<!datum\.)datum\["model"\]/g, 'datum.datum["model"]');
      }
    }
    return spec;
  };

  // The cases that a move of the operating point calls positive, or no longer does. Of each case is known the first
  // point of the curve, from the strictest on, that calls it positive.
  class Changes {
    constructor(entry) {
      const { ids, truth, calls } = entry.units;
      Object.assign(this, { entry, ids, truth, calls });
      this.panel = make("div", { className: "changed" });
      this.cards = new Map();
      for (const card of all(".case").filter((each) => each.dataset.label === entry.pair[0])) {
        const key = `${card.dataset.model}\n${card.dataset[entry.level]}`;
        this.cards.set(key, [...(this.cards.get(key) ?? []), card]);
      }
    }
    show(series, start, now, restart) {
      for (const card of [...this.cards.values()].flat()) this.badge(card, "");
      const calls = this.calls[series.model];
      if (!calls) return this.panel.replaceChildren();
      const groups = [];
      const [from, to] = [Math.min(start, now), Math.max(start, now)];
      const said = now > start ? "now called positive" : "no longer called positive";
      for (const [truth, name] of [[1, "positive"], [0, "negative"]]) {
        const moved = calls.flatMap((point, u) => (point > from && point <= to && this.truth[u] === truth ? [u] : []));
        if (moved.length) groups.push(this.list(series.model, moved, `${name}${moved.length > 1 ? "s" : ""} ${said}`, said));
      }
      const at = make("p", { className: "against", textContent: now === start
        ? "No case changes sides at the starting point." : `Against the starting point, threshold ${thresholdText(series.threshold[start])}:` });
      const button = make("button", { type: "button", textContent: "Start from here" });
      button.addEventListener("click", restart);
      this.panel.replaceChildren(at, ...groups, ...(now === start ? [] : [button]));
    }
    list(model, moved, title, said) {
      const shown = moved.slice(0, 100).map((u) => {
        const cards = this.cards.get(`${model}\n${this.ids[u]}`) ?? [];
        for (const card of cards) this.badge(card, said);
        if (!cards.length) return make("span", { textContent: this.ids[u] });
        const link = make("a", { href: `#${cards[0].id}`, textContent: this.ids[u] });
        // A card that the gallery's filter hides is shown again.
        link.addEventListener("click", () => { for (const each of [cards[0].closest(".group"), ...cards]) each.hidden = false; });
        return link;
      });
      const more = moved.length > 100 ? [`and ${(moved.length - 100).toLocaleString("en")} more`] : [];
      const ids = make("p", { className: "ids" });
      [...shown, ...more].forEach((each, i) => ids.append(i ? ", " : "", each));
      return make("details", {}, make("summary", { textContent: `${moved.length.toLocaleString("en")} ${title}` }), ids);
    }
    badge(card, said) {
      let badge = one(".moved", card);
      if (!said) { badge?.remove(); return; }
      if (!badge) one("header", card).after(badge = make("p", { className: "moved" }));
      badge.textContent = `${said[0].toUpperCase()}${said.slice(1)} at the chosen point`;
    }
  }

  class Curve {
    constructor(entry, element) {
      this.entry = entry;
      this.element = element;
      this.series = 0;
      this.starts = (entry.series ?? []).map((series) => series.start ?? this.start(series));
      this.places = [...this.starts];
      this.operating = [];
      if (entry.series && entry.kind !== "pr") this.controls();
    }
    // Where the ring starts without a threshold of the results: a specificity of 0.9, or one false positive per image.
    start(series) {
      const limit = this.entry.kind === "froc" ? Math.min(1, this.entry.end) : 0.1;
      const last = Math.max(0, series.x.findLastIndex((x) => x <= limit));
      return series.y.indexOf(series.y[last]);
    }
    controls() {
      const panel = one("[data-operating]", this.element);
      const named = (text, control) => make("label", {}, make("span", { textContent: text }), control);
      this.choice = make("select");
      this.entry.series.forEach((series, i) => this.choice.append(make("option", { value: i, textContent: series.model })));
      this.slider = make("input", { type: "range", min: 0, step: 1 });
      this.readout = make("dl");
      if (this.entry.series.length > 1) panel.append(named("Model", this.choice));
      panel.append(named("Operating point", this.slider), this.readout);
      if (this.entry.units) {
        this.changes = new Changes(this.entry);
        panel.append(this.changes.panel);
      } else if (this.entry.kind === "roc") {
        panel.append(make("p", { className: "changed", textContent: "The report holds no scores of single cases, so those that change sides are not listed." }));
      }
      panel.hidden = false;
      this.choice.addEventListener("change", () => { this.series = Number(this.choice.value); this.move(); });
      this.slider.addEventListener("input", () => { this.places[this.series] = Number(this.slider.value); this.move(); });
      const [name, place] = (state.get("point") ?? "").split(":");
      if (name === this.entry.name) this.places[0] = Math.min(Number(place) || 0, this.entry.series[0].x.length - 1);
      this.move();
    }
    move() {
      const series = this.entry.series[this.series], i = this.places[this.series];
      this.slider.max = series.x.length - 1;
      this.slider.value = i;
      const words = this.entry.kind === "froc" ? frocWords(series, i, this.entry.level) : rocWords(series, i);
      this.slider.setAttribute("aria-valuetext", words.map((pair) => pair.join(" ")).join(", "));
      this.readout.replaceChildren(...words.flatMap(([term, value]) =>
        [make("dt", { textContent: term }), make("dd", { textContent: value })]));
      this.changes?.show(series, this.starts[this.series], i, () => { this.starts[this.series] = i; this.move(); this.slider.focus(); });
      this.show([{ x: series.x[i], y: series.y[i], series: series.legend }]);
      if (this.entry.kind === "roc") this.moveTwin(series, i);
    }
    moveTwin(series, i) {
      const twin = [...drawn.values()].find((other) => other.entry.kind === "pr"
        && other.entry.pair.join("\n") === this.entry.pair.join("\n"));
      const same = twin?.entry.series.find((other) => other.model === series.model);
      const point = same && onPrecisionRecall(series, i);
      twin?.show(point ? [{ ...point, series: same.legend }] : []);
    }
    show(points) {
      this.operating = points.filter((point) => point.x <= this.entry.end);
      this.view?.data("operating", this.operating).runAsync();
    }
    data() {
      if (!this.entry.series) return this.entry.spec.datasets;
      const points = this.entry.series.flatMap((series) => series.x.map((x, i) =>
        ({ i, series: series.legend, model: series.model, x, y: series.y[i], threshold: series.threshold[i] })));
      return { ...this.entry.spec.datasets, points, operating: this.operating };
    }
    async draw() {
      if (!this.visible) return;
      const { datasets, ...drawing } = this.entry.spec;
      const result = await window.vegaEmbed(one("[data-plot]", this.element), { ...themed(drawing), datasets: this.data() },
        { ...embedOptions({ fontSize: 11 }, { fontSize: 11.5, offset: 4 }), patch: namesFromPoints });
      if (!this.entry.series) return;
      this.view = result.view;
      this.show(this.operating);
    }
  }
  const byName = new Map(data.figures.map((entry) => [entry.name, entry]));
  for (const element of all("[data-figure]")) {
    drawn.set(element.dataset.figure, new Curve(byName.get(element.dataset.figure), element));
  }
  for (const curve of drawn.values()) if (curve.entry.kind === "roc") curve.move();
  // One after the other, so that the page answers in between; until then its drawing stands there.
  let turn = Promise.resolve();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      seen.unobserve(entry.target);
      const curve = drawn.get(entry.target.dataset.figure);
      curve.visible = true;
      turn = turn.then(() => new Promise((next) => setTimeout(next)));
      turn.then(() => curve.draw());
    }
  }, { rootMargin: "600px" });
  whenRead(() => all("[data-figure]").forEach((element) => seen.observe(element)));
  for (const element of all("[data-figure]")) {
    const entry = byName.get(element.dataset.figure);
    one("[data-save]", element).addEventListener("click", () => {
      make("a", { href: one(".static", element).src, download: `${entry.name}.svg` }).click();
    });
    one("[data-points]", element).addEventListener("click", () => {
      if (!entry.series) return copy(data.csv[entry.name], `${entry.name}.csv`);
      const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
      const lines = entry.series.flatMap((series) => series.x.map((x, i) =>
        [quoted(series.model), x, series.y[i], series.threshold[i] ?? ""].join(",")));
      return copy(["model,x,y,threshold", ...lines].join("\n") + "\n", `${lines.length} points`);
    });
  }
  startTheme(() => drawn.forEach((figure) => figure.draw()));

  // Cases
  const controls = one("#controls");
  if (!controls) return;
  const cards = all(".case");
  const layers = ["findings", "marks", "saliency"];
  const setLayer = (within, layer, on) => {
    within.classList.toggle(`no-${layer}`, !on);
    const box = one(`[data-layer="${layer}"]`, within);
    if (box) box.checked = on;
  };
  const filter = () => {
    let shown = 0;
    for (const card of cards) {
      card.hidden = ["model", "label", "why"].some((key) =>
        controls.elements[key].value && card.dataset[key] !== controls.elements[key].value);
      shown += card.hidden ? 0 : 1;
    }
    for (const group of all("section.group")) group.hidden = all(".case", group).every((card) => card.hidden);
    one("#case-count").textContent = `${shown} of ${cards.length} images shown`;
  };
  const chooseMarks = (within) => {
    const top = Number(controls.elements.top.value), text = controls.elements.least.value;
    const least = text === "" ? -Infinity : Number(text);
    for (const mark of all(".mark", within)) {
      mark.toggleAttribute("hidden", Number(mark.dataset.rank) > top || Number(mark.dataset.score) < least);
    }
  };
  for (const name of ["model", "label", "why"]) {
    const wanted = state.get(name), select = controls.elements[name];
    if ([...select.options].some((option) => option.value === wanted)) select.value = wanted;
    select.addEventListener("change", filter);
  }
  for (const name of ["top", "least"]) {
    if (state.has(name)) controls.elements[name].value = state.get(name);
    controls.elements[name].addEventListener("input", () => chooseMarks(one("#gallery")));
  }
  for (const layer of layers) {
    const box = controls.elements[layer];
    if (state.has(layer)) box.checked = state.get(layer) === "on";
    const everywhere = () => cards.forEach((card) => setLayer(card, layer, box.checked));
    box.addEventListener("change", everywhere);
    everywhere();
  }
  controls.addEventListener("submit", (event) => event.preventDefault());
  one("#gallery").addEventListener("change", (event) => {
    const layer = event.target.dataset.layer;
    if (layer) setLayer(event.target.closest(".case"), layer, event.target.checked);
  });
  filter();

  // What is drawn of a case, and the pictures that it shows, wait as text in noscript elements until they are near.
  const unpack = (kept) => {
    kept.insertAdjacentHTML("beforebegin", kept.textContent);
    kept.remove();
  };
  const draw = (card) => {
    const kept = one(".picture noscript", card);
    if (!kept) return;
    unpack(kept);
    const switches = one(".switches", card);
    for (const layer of switches.dataset.layers.split(" ")) {
      const box = make("input", { type: "checkbox" });
      box.dataset.layer = layer;
      switches.append(make("label", {}, box, ` ${layer[0].toUpperCase()}${layer.slice(1)}`));
      setLayer(card, layer, !card.classList.contains(`no-${layer}`));
    }
    for (const use of all("use", card)) {
      const file = document.getElementById(`${use.getAttribute("href").slice(1)}-file`);
      if (file) unpack(file);
    }
    chooseMarks(card);
  };

  // One image, large
  const viewer = one("#viewer");
  let current = null;
  const open = (card) => {
    current = card;
    draw(card);
    one("#viewer-picture").replaceChildren(one("svg.view", card).cloneNode(true));
    one("#viewer-title").textContent = `${one("h4", card).textContent} - exam ${card.dataset.exam}`;
    for (const layer of layers) setLayer(viewer, layer, !card.classList.contains(`no-${layer}`));
    one("#viewer-place").textContent = "";
    if (!viewer.open) viewer.showModal();
  };
  const step = (by) => {
    const shown = cards.filter((card) => !card.hidden);
    open(shown[(shown.indexOf(current) + by + shown.length) % shown.length]);
  };
  one("#gallery").addEventListener("click", (event) => {
    if (event.target.closest(".picture")) open(event.target.closest(".case"));
  });
  one("#viewer-close").addEventListener("click", () => viewer.close());
  one("#viewer-before").addEventListener("click", () => step(-1));
  one("#viewer-next").addEventListener("click", () => step(1));
  one("#viewer-light").addEventListener("input", (event) => viewer.style.setProperty("--light", event.target.value));
  viewer.addEventListener("keydown", (event) => {
    if (event.target.type === "range") return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  viewer.addEventListener("change", (event) => {
    const layer = event.target.dataset.layer;
    if (!layer) return;
    for (const within of [current, viewer]) setLayer(within, layer, event.target.checked);
  });
  viewer.addEventListener("pointermove", (event) => {
    const svg = one("svg.view", viewer), matrix = svg?.getScreenCTM();
    if (!matrix) return;
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    one("#viewer-place").textContent = `x ${Math.floor(place.x)}, y ${Math.floor(place.y)} in the file's pixels`;
  });
  viewer.addEventListener("close", () => one(".picture", current)?.focus());

  whenRead(() => {
    const near = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((each) => each.isIntersecting)) {
        near.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "1200px" });
    cards.forEach((card) => near.observe(card));
    addEventListener("beforeprint", () => cards.forEach(draw));
    // The others when there is nothing else to do, so that nobody scrolls into a blank.
    const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
    const left = [...cards];
    const fill = () => {
      left.splice(0, 4).forEach(draw);
      if (left.length) later(fill);
    };
    later(fill);
    const asked = document.getElementById(`case-${state.get("open")}`);
    if (asked) open(asked);
  });
