  lighter["#7A7A7A"] = "#8b959e"; // bars are large: a softer grey

  const shown = new Set();
  const draw = async (entry) => {
    const { datasets, ...spec } = entry.spec;
    const place = one(`#figure-${entry.name} [data-plot]`);
    await window.vegaEmbed(place, { ...themed(spec), datasets }, embedOptions({}, { fontSize: 12 }));
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

  startTheme(() => shown.forEach(draw));
