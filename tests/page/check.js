// node tests/page/check.js BUILD: makes each kind of report page and looks at it in a real browser: no error on
// the console, charts drawn, hover, span, legend, logarithmic axes, dark and light, a phone, print, and nothing
// asked of the network; then at the page of a run that goes on (live.js). Screenshots stay in BUILD/pages. The last line is `N passed, N failed`.
"use strict";
const { execFileSync } = require("child_process");
const fs = require("fs");
const path = require("path");
const { Browser } = require("./browser.js");
const { live } = require("./live.js");
const { pages } = require("./pages.js");

const build = path.resolve(process.argv[2] || "build");
const folder = path.join(build, "pages");
let passed = 0, failed = 0;

function check(name, holds, detail) {
  if (holds) {
    passed++;
  } else {
    failed++;
    console.log("not ok: " + name + (detail === undefined ? "" : ": " + JSON.stringify(detail)));
  }
}

// Does each canvas show pixels of its first visible series' colour?
const drawnCharts = `Array.from(document.querySelectorAll("canvas")).map((canvas) => {
  const chart = Chart.getChart(canvas);
  if (!chart) return canvas.getAttribute("aria-label") + ": no chart";
  const set = chart.data.datasets.find((one) => !one.isLow && one.data.some((point) => Number.isFinite(point.y)));
  const wanted = [1, 3, 5].map((at) => parseInt(set.borderColor.slice(at, at + 2), 16));
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let i = 0; i < pixels.length; i += 4)
    if (pixels[i + 3] > 60 && wanted.every((value, k) => Math.abs(value - pixels[i + k]) < 40)) count++;
  return count > 5 ? null : canvas.getAttribute("aria-label") + ": " + count + " pixels";
}).filter((text) => text !== null)`;

// Where the first chart with several points lies, scrolled into view.
const firstChart = `(() => {
  const canvas = Array.from(document.querySelectorAll("canvas")).find((one) =>
    Chart.getChart(one).data.datasets[0].data.length > 4);
  if (!canvas) return null;
  canvas.scrollIntoView({ block: "center" });
  const chart = Chart.getChart(canvas), box = canvas.getBoundingClientRect(), area = chart.chartArea;
  window.chosen = chart;
  return { left: box.left + area.left, right: box.left + area.right, top: box.top + area.top,
    bottom: box.top + area.bottom };
})()`;

// What is wrong with the charts' axes of time and their legends: one span for all of a page, round ticks, and
// names that fit and can be told apart.
const wrongCharts = `(() => {
  const wrong = [], spans = new Set();
  for (const section of moontidePage.data.sections) for (const figure of section.figures) {
    const chart = Chart.getChart(document.querySelector("#figure-" + figure.name + " canvas")), x = chart.scales.x;
    if (figure.x.is_time) {
      spans.add(x.min + " to " + x.max);
      const ticks = x.ticks.map((tick) => tick.value), step = ticks[1] - ticks[0];
      if (ticks.some((value) => Math.abs(value / step - Math.round(value / step)) > 1e-6))
        wrong.push(figure.name + ": ticks at " + ticks.join(", "));
    }
    const names = chart.legend.legendItems.map((item) => item.text), boxes = chart.legend.legendHitBoxes;
    if (new Set(names).size < new Set(figure.series.filter((one) => one.of === undefined).map((one) => one.name)).size)
      wrong.push(figure.name + ": names " + names.join(", "));
    if (chart.options.plugins.legend.display && (boxes.length < names.length
        || boxes.some((box) => box.top + box.height > chart.height)))
      wrong.push(figure.name + ": its legend does not fit");
  }
  if (spans.size > 1) wrong.push("spans of time: " + [...spans].join(", "));
  return wrong;
})()`;

async function look(browser, name, file) {
  const tab = await browser.open();
  await tab.size(1280, 900);
  await tab.scheme("light");
  await tab.load(file);
  await tab.painted();
  const charts = await tab.value(`document.querySelectorAll("canvas").length`);
  check(name + ": has charts", charts > 0);
  let blank = await tab.value(drawnCharts);
  check(name + ": charts are drawn", blank.length === 0, blank);
  const wrong = await tab.value(wrongCharts);
  check(name + ": axes of time and legends can be read", wrong.length === 0, wrong);
  await tab.screenshot(path.join(folder, name + ".png"), true);

  const box = await tab.value(firstChart);
  if (box) {
    const y = (box.top + box.bottom) / 2, at = (share) => box.left + (box.right - box.left) * share;
    await tab.mouse("mouseMoved", at(0.5), y);
    await tab.painted();
    check(name + ": hovering tells values", await tab.value("chosen.tooltip.opacity > 0 && chosen.tooltip.body.length > 0"));
    await tab.screenshot(path.join(folder, name + "-hover.png"), false);
    const before = await tab.value("[chosen.scales.x.min, chosen.scales.x.max]");
    await tab.mouse("mousePressed", at(0.3), y);
    for (const share of [0.4, 0.5, 0.6]) await tab.mouse("mouseMoved", at(share), y, { buttons: 1 });
    await tab.mouse("mouseReleased", at(0.6), y);
    await tab.painted();
    const after = await tab.value("[chosen.scales.x.min, chosen.scales.x.max]");
    check(name + ": choosing a span zooms", after[0] > before[0] && after[1] < before[1], [before, after]);
    await tab.screenshot(path.join(folder, name + "-span.png"), false);
    await tab.mouse("mousePressed", at(0.5), y, { clickCount: 1 });
    await tab.mouse("mouseReleased", at(0.5), y, { clickCount: 1 });
    await tab.mouse("mousePressed", at(0.5), y, { clickCount: 2 });
    await tab.mouse("mouseReleased", at(0.5), y, { clickCount: 2 });
    await tab.painted();
    const again = await tab.value("[chosen.scales.x.min, chosen.scales.x.max]");
    check(name + ": a double click shows all again", again[0] === before[0] && again[1] === before[1], again);
  }

  const logs = await tab.value(`(() => {
    const button = Array.from(document.querySelectorAll(".tools button")).find((one) => one.textContent === "log y");
    const chart = Chart.getChart(button.closest("figure").querySelector("canvas"));
    const types = [chart.scales.y.type];
    button.click(); types.push(chart.scales.y.type);
    button.click(); types.push(chart.scales.y.type);
    return types;
  })()`);
  check(name + ": an axis becomes logarithmic and linear again", logs[0] !== logs[1] && logs[0] === logs[2], logs);

  const legend = await tab.value(`(() => {
    const chart = Array.from(document.querySelectorAll("canvas")).map((one) => Chart.getChart(one))
      .find((one) => one.legend.legendItems.length > 1);
    if (!chart) return null;
    chart.canvas.scrollIntoView({ block: "center" });
    window.legendary = chart;
    const hit = chart.legend.legendHitBoxes[0], box = chart.canvas.getBoundingClientRect();
    return [box.left + hit.left + hit.width / 2, box.top + hit.top + hit.height / 2,
      chart.legend.legendItems[0].datasetIndex];
  })()`);
  if (legend) {
    await tab.mouse("mousePressed", legend[0], legend[1]);
    await tab.mouse("mouseReleased", legend[0], legend[1]);
    await tab.painted();
    check(name + ": the legend hides a series", await tab.value(`!legendary.isDatasetVisible(${legend[2]})`));
  }

  await tab.scheme("dark");
  const back = await tab.value(`getComputedStyle(document.body).backgroundColor`);
  check(name + ": is dark where that is wanted", back === "rgb(20, 23, 26)", back);
  blank = await tab.value(drawnCharts);
  check(name + ": charts are drawn in the dark", blank.length <= 1, blank); // one series was hidden
  await tab.screenshot(path.join(folder, name + "-dark.png"), false);
  await tab.scheme("light");

  const { data } = await tab.send("Page.printToPDF", { printBackground: false });
  check(name + ": prints", Buffer.from(data, "base64").length > 10000);
  await tab.size(390, 800);
  const width = await tab.value("document.documentElement.scrollWidth");
  check(name + ": fits a phone", width <= 390, width);
  await tab.screenshot(path.join(folder, name + "-phone.png"), false);

  const text = await tab.value("document.body.innerText");
  check(name + ": shows no markup of its data", await tab.value("document.querySelectorAll('main script, main img, main b').length") === 0);
  check(name + ": nothing is undefined", !/undefined|\b(NaN|nil)\b|\[object/.test(text),
    (text.match(/.*(undefined|\b(NaN|nil)\b|\[object).*/) || [])[0]);
  check(name + ": no error on the console", tab.complaints.length === 0, tab.complaints);
  const asked = tab.requests.filter((url) => url !== "file://" + file && !url.startsWith("data:"));
  check(name + ": nothing is asked of the network", asked.length === 0, asked);
  check(name + ": is below 1.5 MB", fs.statSync(file).size < 1.5e6, fs.statSync(file).size);
  await tab.close();
}

async function main() {
  fs.mkdirSync(folder, { recursive: true });
  const run = (...words) => execFileSync(path.join(build, "moontide"), words,
    { stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
  const made = pages(folder, run);
  const program = ["chromium", "chromium-browser", "google-chrome"].find((name) => {
    try { execFileSync("which", [name], { stdio: "ignore" }); return true; } catch { return false; }
  });
  if (!program) throw new Error("there is no chromium");
  const browser = new Browser(program);
  try {
    for (const [name, file] of made) await look(browser, name, file);
    await live({ browser, program: path.join(build, "moontide"), folder, check, drawnCharts });
  } finally {
    await browser.close();
  }
}

main().catch((problem) => { failed++; console.log(problem.stderr ? String(problem.stderr) : problem); }).finally(() => {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
});
