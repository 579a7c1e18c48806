// The page of a run that goes on, in the browser: it fills, a reload shows what came before, ten more browsers
// hold nothing up, its button stops the run, and at the end the verdict and the report are on it.
"use strict";
const { spawn } = require("child_process");
const path = require("path");

const markup = "</script><img src=x onerror=alert(1)>";

// A program whose standard error says something: { child, said: what the pattern found, ended: its status }.
function start(program, words, pattern) {
  const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((done) => child.on("exit", (status) => done(status)));
  let text = "";
  const said = new Promise((done, fail) => {
    child.stderr.on("data", (more) => {
      text += more;
      const found = text.match(pattern);
      if (found) done(found[1]);
    });
    child.on("exit", () => fail(new Error(program + " " + words.join(" ") + ": " + text)));
  });
  return { child, said, ended };
}

async function tour({ browser, folder, check, drawnCharts }, url, run) {
  const tab = await browser.open();
  await tab.size(1280, 900);
  await tab.scheme("light");
  await tab.go(url);
  const points = `Math.max(...Array.from(document.querySelectorAll("canvas"), (one) =>
    Math.max(0, ...Chart.getChart(one).data.datasets.map((set) => set.data.filter((point) => Number.isFinite(point.y)).length))))`;
  check("live: it fills", await tab.becomes(points + " >= 4"));
  await tab.painted();
  check("live: it says that it runs", await tab.value(`document.getElementById("state").textContent`) === "running");
  const counts = await tab.value(`document.getElementById("counts").textContent`);
  check("live: it counts", /^\d+ s: [\d,]+ sent, [\d,]+ done, [\d,]+ failed/.test(counts), counts);
  const blank = await tab.value(drawnCharts);
  check("live: charts are drawn", blank.length === 0, blank);
  check("live: failures have names", await tab.becomes(`Array.from(document.querySelectorAll("canvas"), (one) =>
    Chart.getChart(one).data.datasets.map((set) => set.label)).flat().includes("status_500")`));
  await tab.screenshot(path.join(folder, "live.png"), true);
  const before = await tab.value(points);
  check("live: it goes on", await tab.becomes(`${points} > ${before + 1}`));
  await tab.go(url);
  check("live: a reload shows what came before", await tab.becomes(`${points} >= ${before}`));

  const others = [];
  for (let i = 0; i < 10; i++) {
    others.push(await browser.open(true));
    await others[i].go(url);
  }
  check("live: ten more are served", await others[9].becomes(points + " >= 4"));
  for (const other of others) await other.close();

  await tab.size(390, 800);
  const width = await tab.value("document.documentElement.scrollWidth");
  check("live: fits a phone", width <= 390, width);
  await tab.size(1280, 900);
  await tab.scheme("dark");
  await tab.value(`document.getElementById("stop").click()`);
  check("live: the button stops it", await run.ended === 130);
  check("live: the verdict is told at the end", await tab.becomes(
    `/^(valid|degraded|invalid)$/.test(document.getElementById("state").textContent)`));
  const steps = await tab.value(`(() => {
    const x = moontidePage.data.sections[0].figures.find((one) => one.name === "rates").series[0].x;
    return x.slice(2).map((at, i) => at - x[i + 1]);
  })()`);
  check("live: no rate is of less than half a second", steps.length > 3 && steps.every((one) => one >= 0.5), steps);
  check("live: its runs are listed", await tab.value(`document.querySelectorAll(".table tbody tr").length`) === 1);
  check("live: the report is there", await tab.value(`document.getElementById("report").textContent.includes("requests due")`));
  check("live: there is nothing left to stop", await tab.becomes(`!document.getElementById("stop")`));
  await tab.screenshot(path.join(folder, "live-end.png"), true);
  check("live: shows no markup of its data", await tab.value("document.querySelectorAll('main script, main img').length") === 0);
  check("live: shows names as they are", await tab.value("document.body.innerText").then((text) => text.includes(markup)));
  check("live: no error on the console", tab.complaints.length === 0, tab.complaints);
  const origin = new URL(url).origin + "/";
  const asked = tab.requests.filter((one) => !one.startsWith(origin) && !one.startsWith("data:"));
  check("live: nothing is asked of others", asked.length === 0, asked);
  await tab.close();
}

async function live(given) {
  const mock = start(given.program, ["mock", "--port", "0", "--ttft", "20", "--itl", "1", "--fail", "status_500=0.05"],
    /listening on (http:\S+)\n/);
  let run;
  try {
    run = start(given.program, ["replay", "steady", "--url", await mock.said, "--model", markup, "--warmup", "0",
      "--page", "--accept-invalid", "--", "--rate", "50", "--duration", "10m", "--isl", "100", "--osl", "20"],
    /the page: (http:\S+)\n/);
    await tour(given, await run.said, run);
  } finally {
    if (run) run.child.kill("SIGKILL");
    mock.child.kill("SIGKILL");
  }
}

module.exports = { live };
