// Draws the page from the JSON in #data. All text goes through textContent: nothing of it is ever HTML.
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const drawn = []; // { chart, figure }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "text") element.textContent = value;
      else if (key === "click") element.addEventListener("click", value);
      else element.setAttribute(key, value);
    }
    element.append(...children.filter(Boolean));
    return element;
  }

  // Long names cut at their end, or in the middle, or not at all: so that they can still be told apart.
  const most = 40; // letters
  const ways = [(letters) => [letters.slice(0, most - 2)], (letters) => [letters.slice(0, 15), letters.slice(-22)]];
  function shortened(names) {
    const cut = (name, way) => {
      const letters = Array.from(name);
      return letters.length <= most ? name : way(letters).map((part) => part.join("")).join("...")
        + (way === ways[0] ? "..." : "");
    };
    for (const way of ways) {
      const list = names.map((name) => cut(name, way));
      if (new Set(list).size === new Set(names).size) return list;
    }
    return names;
  }

  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  // --- time ---------------------------------------------------------------------------------------

  // One unit and one span for all charts over time, so that they can be compared and zoomed together. Where it
  // begins soon after 0 it begins at 0.
  let unit, unitLength, span; // seconds; [undefined, undefined]: there is nothing to span
  function measureTime() {
    let least = Infinity, most = -Infinity;
    for (const section of data.sections)
      for (const figure of section.figures)
        if (figure.x.is_time)
          for (const one of figure.series)
            for (const x of one.x) { least = Math.min(least, x); most = Math.max(most, x); }
    if (least >= 0 && least <= 0.5 * most) least = 0;
    span = most > least ? [least, most] : [undefined, undefined];
    const longest = Math.max(Math.abs(least), Math.abs(most));
    [unit, unitLength] = !Number.isFinite(longest) ? ["s", 1] : longest > 3 * 86400 ? ["d", 86400]
      : longest > 3 * 3600 ? ["h", 3600] : longest > 300 ? ["min", 60] : ["s", 1];
  }
  measureTime();

  const number = (value) => {
    if (!Number.isFinite(value)) return String(value);
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
    return value.toLocaleString("en", { maximumSignificantDigits: size >= 1000 ? 9 : 4, maximumFractionDigits: 6 });
  };

  const axisText = (axis) => {
    const own = axis.is_time ? unit : axis.unit;
    return own ? axis.label + " (" + own + ")" : axis.label;
  };

  // --- a chart ------------------------------------------------------------------------------------

  function points(figure, series, values) {
    const by = figure.x.is_time ? unitLength : 1;
    return series.x.map((x, i) => ({ x: x / by, y: values[i] === null ? NaN : values[i],
      label: series.labels && series.labels[i] }));
  }

  function datasets(figure) {
    const list = [], names = shortened(figure.series.map((series) => series.name));
    figure.series.forEach((series, i) => {
      const hue = "c" + ((series.of ?? i) % 8);
      const dots = series.kind === "points" || series.kind === "both" || series.x.length === 1;
      const isRepeated = i >= 8; // its colour is there already
      const common = { hue, place: i, borderWidth: 1.5, pointRadius: dots ? 3 : 0, pointHitRadius: 6, clip: 4,
        showLine: series.kind !== "points", stepped: series.kind === "steps", spanGaps: false,
        borderDash: isRepeated ? (series.is_dashed ? [8, 3, 2, 3] : [2, 3]) : series.is_dashed ? [5, 4] : [] };
      if (series.kind === "band") {
        list.push({ ...common, label: "", data: points(figure, series, series.low), borderWidth: 0.5, isLow: true,
          of: series.of });
        list.push({ ...common, of: series.of, label: names[i], data: points(figure, series, series.y), borderWidth: 0.5,
          fill: "-1", isBand: true });
      } else {
        list.push({ ...common, label: names[i], data: points(figure, series, series.y), fill: false });
      }
    });
    return list;
  }

  function paint(chart) {
    for (const one of chart.data.datasets) {
      one.borderColor = colour(one.hue);
      one.backgroundColor = colour(one.hue) + (one.isBand ? "40" : "");
    }
    for (const scale of Object.values(chart.options.scales)) {
      scale.grid.color = colour("grid");
      scale.ticks.color = scale.title.color = colour("quiet");
    }
    chart.options.plugins.legend.labels.color = colour("text");
    chart.update("none");
  }

  // The points' labels beside them.
  const labels = {
    id: "labels",
    afterDatasetsDraw(chart) {
      const pen = chart.ctx;
      pen.save();
      pen.fillStyle = colour("quiet");
      pen.font = "11px system-ui, sans-serif";
      chart.data.datasets.forEach((one, i) => {
        if (!chart.isDatasetVisible(i)) return;
        chart.getDatasetMeta(i).data.forEach((point, k) => {
          const text = one.data[k].label;
          if (!text) return;
          const isOutside = point.x + 5 + pen.measureText(text).width > chart.width;
          pen.textAlign = isOutside ? "right" : "left";
          pen.fillText(text, point.x + (isOutside ? -5 : 5), point.y - 6);
        });
      });
      pen.restore();
    },
  };

  // Does a value have a label on a logarithmic axis that spans so much?
  function isRound(value, span) {
    const first = Number(value.toExponential()[0]);
    return span < 10 || first === 1 || (span < 1000 && (first === 2 || first === 5));
  }

  // Where an axis begins and ends; undefined: where its values do.
  function boundsOf(axis) {
    const ends = [axis.from, axis.to].map((end, i) => end !== null ? end : axis.is_time ? span[i] : undefined);
    return ends.map((end) => end === undefined ? undefined : end / (axis.is_time ? unitLength : 1));
  }

  function scaleOf(axis, letter, hasNegative) {
    const scale = { type: axis.scale === "log" ? "logarithmic" : "linear", grid: {},
      title: { display: true, text: axisText(axis) },
      ticks: { maxRotation: 0, autoSkipPadding: 12, includeBounds: false, callback(value) {
        return this.type === "logarithmic" && !isRound(value, this.max / this.min) ? "" : number(value);
      } } };
    [scale.min, scale.max] = boundsOf(axis);
    if (letter === "y" && axis.scale !== "log" && !hasNegative) scale.beginAtZero = true;
    if (letter === "y" && axis.to === null) scale.grace = "4%";
    return scale;
  }

  // Hides a series, or shows it again, with the bands that are of it.
  function toggle(event, item, legend) {
    const chart = legend.chart, isVisible = chart.isDatasetVisible(item.datasetIndex);
    const place = chart.data.datasets[item.datasetIndex].place;
    chart.data.datasets.forEach((set, i) => {
      if (i === item.datasetIndex || set.of === place) chart.setDatasetVisibility(i, !isVisible);
    });
    chart.update();
  }

  function chartOf(canvas, figure) {
    const hasNegative = figure.series.some((one) => one.y.some((y) => y < 0));
    return new Chart(canvas, {
      type: "scatter",
      data: { datasets: datasets(figure) },
      plugins: [labels],
      options: {
        animation: false, responsive: true, maintainAspectRatio: false,
        interaction: { mode: "nearest", axis: "x", intersect: false },
        scales: { x: scaleOf(figure.x, "x"), y: scaleOf(figure.y, "y", hasNegative) },
        plugins: {
          legend: { display: figure.series.length > 1, position: "bottom",
            onClick: toggle, labels: { boxWidth: 14, boxHeight: 2, filter(item, all) {
              const set = all.datasets[item.datasetIndex];
              return !set.isLow && set.of === undefined;
            } } },
          tooltip: {
            filter: (item) => !item.dataset.isLow,
            callbacks: {
              title: (items) => items.length ? figure.x.label + " " + number(items[0].parsed.x) + " "
                + (figure.x.is_time ? unit : figure.x.unit) : "",
              label: (item) => item.dataset.label + ": " + number(item.parsed.y) + " " + figure.y.unit
                + (item.raw.label ? " (" + item.raw.label + ")" : ""),
            },
          },
        },
      },
    });
  }

  // --- zoom by choosing a span ----------------------------------------------------------------------

  // Charts over time show the same span; any other chart is zoomed alone.
  function zoom(one, from, to) {
    for (const other of drawn) {
      if (other !== one && !(one.figure.x.is_time && other.figure.x.is_time)) continue;
      const x = other.chart.options.scales.x, whole = other.whole;
      x.min = from === null ? whole[0] : from;
      x.max = to === null ? whole[1] : to;
      other.isZoomed = from !== null;
      other.chart.update("none");
    }
  }

  function letChoose(one, holder) {
    let begun = null, mark = null;
    const inside = (event) => {
      const area = one.chart.chartArea, box = one.chart.canvas.getBoundingClientRect();
      return Math.min(Math.max(event.clientX - box.left, area.left), area.right);
    };
    const end = () => {
      if (mark) mark.remove();
      begun = mark = null;
    };
    holder.addEventListener("pointerdown", (event) => {
      const box = one.chart.canvas.getBoundingClientRect();
      if (event.button !== 0 || event.clientY - box.top > one.chart.chartArea.bottom) return;
      begun = inside(event);
    });
    window.addEventListener("pointermove", (event) => {
      if (begun === null) return;
      const now = inside(event);
      if (!mark && Math.abs(now - begun) < 6) return;
      if (!mark) holder.append(mark = make("div", { class: "span" }));
      mark.style.left = Math.min(begun, now) + "px";
      mark.style.width = Math.abs(now - begun) + "px";
    });
    window.addEventListener("pointerup", (event) => {
      if (begun !== null && mark) {
        const x = one.chart.scales.x;
        const chosen = [begun, inside(event)].map((at) => x.getValueForPixel(at)).sort((a, b) => a - b);
        if (chosen[1] > chosen[0]) zoom(one, chosen[0], chosen[1]);
      }
      end();
    });
    window.addEventListener("pointercancel", end);
    holder.addEventListener("dblclick", () => zoom(one, null, null));
  }

  // A button that makes an axis logarithmic, or linear again.
  function logButton(one, letter) {
    const axis = one.figure[letter];
    const button = make("button", { text: "log " + letter, "aria-pressed": String(axis.scale === "log"),
      click: () => {
        const scale = one.chart.options.scales[letter];
        const isLog = scale.type !== "logarithmic";
        scale.type = isLog ? "logarithmic" : "linear";
        scale.min = isLog && !(axis.from > 0) ? undefined : axis.from === null ? undefined : axis.from;
        button.setAttribute("aria-pressed", String(isLog));
        one.chart.update("none");
      } });
    return button;
  }

  // The height, in pixels, that a chart needs beside the usual one for a legend of many lines.
  function legendHeight(figure, width) {
    const named = figure.series.filter((series) => series.of === undefined);
    const names = named.length > 1 ? shortened(named.map((series) => series.name)) : [];
    const wanted = names.reduce((sum, name) => sum + Math.min(width, 34 + 6.5 * Array.from(name).length), 0);
    return 22 * Math.max(0, Math.ceil(1.2 * wanted / width) - 1);
  }

  function card(figure) {
    const canvas = make("canvas", { role: "img", "aria-label": figure.title });
    const holder = make("div", { class: "canvas" }, canvas);
    const tools = make("div", { class: "tools" });
    const notes = figure.notes.map((note) => make("p", { class: "quiet", text: note }));
    const element = make("figure", { class: "card", id: "figure-" + figure.name },
      make("div", { class: "head" }, make("h3", { text: figure.title }), tools), holder, ...notes);
    const begin = () => {
      holder.style.setProperty("--legend", legendHeight(figure, holder.clientWidth) + "px");
      const one = { figure, chart: chartOf(canvas, figure) };
      one.whole = boundsOf(figure.x);
      drawn.push(one);
      paint(one.chart);
      letChoose(one, holder);
      if (!figure.x.is_time) tools.append(logButton(one, "x"));
      tools.append(logButton(one, "y"), make("button", { text: "all", title: "show all again",
        click: () => zoom(one, null, null) }));
    };
    return [element, begin];
  }

  // What the figures have become, in their charts.
  function refresh() {
    const before = unit;
    measureTime();
    for (const one of drawn) {
      const sets = one.chart.data.datasets, scale = one.chart.options.scales.x;
      datasets(one.figure).forEach((set, i) => sets[i] ? sets[i].data = set.data : sets.push(set));
      one.chart.options.plugins.legend.display = one.figure.series.length > 1;
      scale.title.text = axisText(one.figure.x);
      one.whole = boundsOf(one.figure.x);
      if (unit !== before && one.figure.x.is_time) one.isZoomed = false;
      if (!one.isZoomed) [scale.min, scale.max] = one.whole;
      paint(one.chart);
    }
  }

  // --- the rest ---------------------------------------------------------------------------------------

  function table(one) {
    const cell = (name, text) => make(name, { text, ...(one.is_text ? { class: "text" } : {}) });
    return make("div", { class: "table" }, make("table", {},
      one.title ? make("caption", { text: one.title }) : null,
      make("thead", {}, make("tr", {}, ...one.head.map((text) => cell("th", text)))),
      make("tbody", {}, ...one.rows.map((row) => make("tr", {}, ...row.map((text) => cell("td", text)))))),
      one.note ? make("p", { class: "quiet", text: one.note }) : null);
  }

  function themeButton() {
    return make("button", { text: "dark / light", click: () => {
      const isDark = getComputedStyle(root).colorScheme === "dark";
      root.dataset.theme = isDark ? "light" : "dark";
      for (const one of drawn) paint(one.chart);
    } });
  }

  const page = document.getElementById("page");
  const begins = [];
  page.append(make("header", {}, make("div", {}, make("h1", { text: data.title }),
    ...data.lines.map((text) => make("p", { class: "quiet", text }))), themeButton()));
  for (const one of data.verdicts)
    page.append(make("div", { class: "verdict " + one.name }, make("strong", { text: one.name }),
      ...one.lines.map((text) => make("p", { text }))));
  for (const section of data.sections) {
    if (section.title) page.append(make("h2", { text: section.title }));
    for (const text of section.lines) page.append(make("p", { text }));
    page.append(...section.tables.map(table));
    if (section.text) page.append(make("pre", { text: section.text }));
    if (section.figures.length > 0) {
      const grid = make("div", { class: "charts" });
      for (const figure of section.figures) {
        const [element, begin] = card(figure);
        grid.append(element);
        begins.push(begin);
      }
      page.append(grid);
    }
  }
  page.append(make("p", { class: "quiet", text: data.foot }));
  begins.forEach((begin) => begin());

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change",
    () => drawn.forEach((one) => paint(one.chart)));
  let themeBefore;
  window.addEventListener("beforeprint", () => {
    themeBefore = root.dataset.theme;
    root.dataset.theme = "light";
    for (const one of drawn) { paint(one.chart); one.chart.resize(); }
  });
  window.addEventListener("afterprint", () => {
    if (themeBefore) root.dataset.theme = themeBefore;
    else delete root.dataset.theme;
    for (const one of drawn) { paint(one.chart); one.chart.resize(); }
  });
  window.moontidePage = { data, make, number, refresh, table }; // for a page that changes (live.js)
})();
