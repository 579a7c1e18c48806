// The page while the run goes on: takes what the server says (EventSource) into the figures of the page.
"use strict";
(function () {
  const { data, make, number, refresh, table } = window.moontidePage;
  const most = 1800; // points of a series; beyond it every second of them goes
  const token = new URLSearchParams(location.search).get("token");
  const asked = (path) => path + (token ? "?token=" + encodeURIComponent(token) : "");
  const figures = {};
  for (const section of data.sections) for (const figure of section.figures) figures[figure.name] = figure;

  // --- above the figures ----------------------------------------------------------------------------

  const state = make("strong", { id: "state", text: "connecting" });
  const says = make("p", { class: "quiet", id: "what" });
  const counts = make("p", { id: "counts" });
  const stop = make("button", { id: "stop", text: "stop", title: "as Ctrl-C does: nothing more is sent",
    click: () => {
      stop.disabled = true;
      fetch(asked("/stop"), { method: "POST" })
        .then((answer) => { if (!answer.ok) throw new Error("the server says " + answer.status); })
        .catch((problem) => { counts.textContent = "It could not be stopped: " + problem.message; })
        .finally(() => { stop.disabled = false; });
    } });
  const box = make("div", { class: "verdict", id: "live" }, state, " ", token ? stop : null, counts, says);
  document.querySelector("header").after(box);
  const ended = data.sections.find((section) => section.tables.length > 0).tables[0];
  let shownTable = document.querySelector(".table");
  const text = make("pre", { id: "report" });
  text.hidden = true;
  shownTable.after(text);

  function showTable() {
    const fresh = table(ended);
    shownTable.replaceWith(fresh);
    shownTable = fresh;
  }

  // --- the figures ------------------------------------------------------------------------------------

  let last, previous; // the moment before, and the one before it, of the same run
  const shortest = 0.5; // seconds that a rate is counted over: one of less, a run's last, is of the point before, too

  function forget() {
    last = previous = undefined;
    ended.rows.length = 0;
    for (const figure of Object.values(figures)) {
      for (const series of figure.series) series.x.length = series.y.length = 0;
    }
    showTable();
    text.hidden = true;
  }

  function thin(values) {
    let kept = 0;
    values.forEach((value, i) => { if (i % 2 === 0 || i + 1 === values.length) values[kept++] = value; });
    values.length = kept;
  }

  function add(figure, t, values) {
    values.forEach((value, i) => {
      const series = figure.series[i];
      series.x.push(t);
      series.y.push(Number.isFinite(value) ? value : null);
      if (series.x.length > most) { thin(series.x); thin(series.y); }
    });
  }

  // A name's series begins at 0 when it is first heard of.
  function errorSeries(name) {
    const all = figures.errors.series;
    let place = all.findIndex((series) => series.name === name);
    if (place < 0 && all.length < 8) {
      place = all.push({ name, kind: "line", x: [], y: [] }) - 1;
      if (last) { all[place].x.push(last.t); all[place].y.push(0); }
    }
    return place;
  }

  // Takes the last point of a figure away.
  function drop(figure) {
    for (const series of figure.series) { series.x.pop(); series.y.pop(); }
  }

  function takeMoment(now) {
    const isShort = previous && now.t - last.t < shortest;
    if (isShort) for (const name of ["rates", "tokens", "errors"]) drop(figures[name]);
    const before = (isShort ? previous : last) || { t: now.t - now.seconds, begun: 0, done: 0, failed: 0, cancelled: 0, input_tokens: 0,
      output_tokens: 0, failures: {} };
    const span = now.t - before.t;
    if (span > 0) {
      const rate = (name) => (now[name] - before[name]) / span;
      add(figures.rates, now.t, [rate("begun"), rate("done"), rate("failed") + rate("cancelled")]);
      add(figures.tokens, now.t, [rate("output_tokens"), rate("input_tokens")]);
      for (const name of Object.keys(now.failures)) errorSeries(name);
      add(figures.errors, now.t, figures.errors.series.map((series) =>
        ((now.failures[series.name] || 0) - (before.failures[series.name] || 0)) / span));
    }
    add(figures.in_flight, now.t, [now.flight, now.waiting]);
    for (const name of ["ttft", "itl", "latency", "lag"]) add(figures[name], now.t, now[name] || [NaN, NaN]);
    for (const name of ["server_requests", "server_cache"]) {
      const figure = figures[name], said = now.server ? now.server[name] : [];
      if (figure) add(figure, now.t, figure.series.map((_, i) => said[i] ?? NaN)); // there with --server-metrics
    }
    if (!isShort) previous = last;
    last = now;
    state.textContent = now.stopping ? "stopping" : "running";
    stop.textContent = now.stopping ? "stop waiting too" : "stop";
    counts.textContent = number(Math.floor(now.seconds)) + " s: " + number(now.begun) + " sent, " + number(now.done)
      + " done, " + number(now.failed) + " failed, " + number(now.cancelled) + " cancelled, "
      + number(now.not_sent) + " not sent, " + number(now.flight) + " in flight";
  }

  // --- what the server says -----------------------------------------------------------------------------

  // What comes at once is drawn at once; a page that nobody sees is not drawn.
  let isDue = false;
  function draw() {
    if (isDue || document.hidden) return;
    isDue = true;
    requestAnimationFrame(() => { isDue = false; refresh(); });
  }
  document.addEventListener("visibilitychange", draw);

  // Stays open in a tab that nobody looks at, so that its figures are whole when somebody does. (A browser has
  // six connections to a server: it can show six such pages.)
  const source = new EventSource(asked("/events"));
  let hasEnded = false;
  const on = (name, take) => source.addEventListener(name, (event) => { take(JSON.parse(event.data)); draw(); });
  source.addEventListener("open", () => { forget(); state.textContent = "preparing"; }); // all is said again
  on("begin", (run) => {
    last = previous = undefined;
    for (const figure of Object.values(figures)) add(figure, run.t, figure.series.map(() => NaN));
    box.className = "verdict";
    state.textContent = "running";
    says.textContent = (run.level ? run.level + ": " : "") + run.target + " at " + run.urls.join(", ")
      + ", model " + run.model;
  });
  on("message", takeMoment);
  on("done", (run) => {
    ended.rows.push(run.row);
    showTable();
    text.textContent = run.text;
    text.hidden = false;
    box.className = "verdict " + run.verdict;
    state.textContent = run.verdict;
    if (run.lines.length > 0) says.textContent += ". " + run.lines.join("; ");
  });
  on("end", () => {
    hasEnded = true;
    source.close();
    stop.remove();
    if (!/valid|degraded/.test(state.textContent)) state.textContent = "ended";
  });
  source.addEventListener("error", () => {
    if (!hasEnded) state.textContent = "the connection is lost: it has ended, or is out of reach";
  });
})();
