// The pages that are looked at, one of each kind: pages(folder, run) makes them by the program and gives
// [name, file] each. Names, members and errors in the data try to be markup.
"use strict";
const fs = require("fs");
const path = require("path");

const hostile = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>";

function lines(file, list) {
  fs.writeFileSync(file, list.map((one) => JSON.stringify(one)).join("\n") + "\n");
  return file;
}

function trace(file, count, name) {
  return lines(file, Array.from({ length: count }, (_, i) => ({ timestamp: i * 137,
    input_length: 700 + (i * 811) % 9000, output_length: 1 + (i * 37) % 400, stream: i % 3 ? "chat" : name })));
}

// A run as AIPerf leaves it: its lines, and its summary.
function aiperf(folder, count, slowness) {
  fs.mkdirSync(folder, { recursive: true });
  const begin = 1750000000000000000n, ns = (ms) => Number(begin / 1000000n + BigInt(Math.round(ms))) * 1e6;
  const ms = (value) => ({ value, unit: "ms" });
  lines(path.join(folder, "profile_export.jsonl"), Array.from({ length: count }, (_, i) => {
    const ttft = slowness * (40 + (i * 7919) % 60), itl = slowness * (5 + (i * 31) % 7);
    const failed = i % 50 === 7;
    return {
      metadata: { session_num: i, conversation_id: "s" + i % 20, turn_index: Math.floor(i / 20),
        credit_issued_ns: ns(i * 20), request_start_ns: ns(i * 20 + 1), request_ack_ns: ns(i * 20 + ttft),
        request_end_ns: ns(i * 20 + ttft + 100 * itl), benchmark_phase: "profiling", was_cancelled: false },
      metrics: failed ? {} : { time_to_first_token: ms(ttft), inter_token_latency: ms(itl),
        request_latency: ms(ttft + 100 * itl), output_sequence_length: { value: 101, unit: "tokens" },
        input_sequence_length: { value: 500, unit: "tokens" } },
      error: failed ? { code: 500, type: hostile, message: "<html><body><b>" + hostile + "</b></body></html>" } : null,
    };
  }));
  return folder;
}

function sweep(folder, name, slowness) {
  for (const level of [1, 2, 5, 10, 50, 100]) {
    const latency = slowness * 500 * (1 + level / 20), place = path.join(folder, name, "c" + level);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, "profile_export_genai_perf.json"), JSON.stringify({
      request_throughput: { unit: "requests/sec", avg: level / latency * 1000 },
      request_latency: { unit: "ms", avg: latency, p50: latency, p99: 2 * latency },
      time_to_first_token: { unit: "ms", avg: 40 * slowness + level, p50: 40, p99: 90 + 3 * level },
      inter_token_latency: { unit: "ms", avg: 5 * slowness + level / 30, p50: 5 + level / 40, p99: 10 + level / 3 },
      output_token_throughput: { unit: "tokens/sec", avg: level / latency * 100000 },
    }));
  }
  return path.join(folder, name);
}

// A sweep of rates with repeated runs, as its sweep.json has it.
function repeated(folder) {
  fs.mkdirSync(folder, { recursive: true });
  const levels = [5, 10, 20].map((rate) => ({ folder: "r" + rate, values: { request_rate: rate }, status: "done",
    effective_concurrency: rate / 3, runs: [{ verdict: "valid" }, { verdict: "degraded" }],
    metrics: { request_throughput: { avg: rate * 0.98 }, request_latency: { avg: 300 + rate * 4, p99: 900 },
      time_to_first_token: { avg: 40 + rate, p99: 90 }, output_token_throughput: { avg: rate * 100 } },
    intervals: { request_throughput: { avg: 0.4 }, time_to_first_token: { avg: 5, p99: 9 } } }));
  fs.writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ name: hostile, target: hostile,
    urls: ["http://127.0.0.1:1"], model: "m", axes: [{ name: "request_rate", values: [5, 10, 20] }], levels }));
  return folder;
}

// A sweep of two options, of which one value failed, as its sweep.json has it.
function grid(folder) {
  fs.mkdirSync(folder, { recursive: true });
  const levels = [500, 1000, 2000].flatMap((isl) => [1, 2, 4].map((concurrency) => ({
    values: { isl, concurrency }, status: isl < 2000 ? "done" : "failed", metrics: isl < 2000 ? {
      request_throughput: { avg: 20 * concurrency }, request_latency: { avg: 48 + concurrency, p99: 60 },
      time_to_first_token: { avg: 30 + isl / 1000, p99: 40 }, output_token_throughput: { avg: 400 * concurrency } } : {} })));
  fs.writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ name: "grid", axes: [{ name: "isl" },
    { name: "concurrency" }], levels }));
  return folder;
}

// A trace of many streams whose names are long and differ in the middle.
function many(file) {
  return lines(file, Array.from({ length: 2000 }, (_, i) => ({ timestamp: 3000 + i * 100, input_length: 100 + i % 900,
    output_length: 50, stream: "a stream of number " + i % 13 + " whose name is longer than its legend has room for" })));
}

function pages(folder, run) {
  const file = (name) => path.join(folder, name);
  const list = [];
  const report = (name, ...words) => {
    run("report", "-o", file(name + ".html"), ...words);
    list.push([name, file(name + ".html")]);
  };
  report("trace", path.join(__dirname, "../data/small.jsonl"));
  report("hostile", trace(file(hostile.replace(/\//g, "_") + ".jsonl"), 500, hostile));
  report("one", trace(file("one.jsonl"), 1, "x"));
  report("plan", "burst", "--", "--duration", "4m");
  report("traces", path.join(__dirname, "../data/small.jsonl"), trace(file("other.jsonl"), 800, "b"));
  const own = file("own-run");
  run("run", path.join(__dirname, "drive.lua"), "--folder", own);
  report("run", own);
  report("aiperf", aiperf(file("aiperf-run"), 600, 1));
  const long = "run-with-a-name-that-is-longer-than-its-legend-has-room-for";
  report("runs", aiperf(file(long + "-fast"), 600, 1), aiperf(file(long + "-slow"), 600, 1.5));
  report("many", many(file("many.jsonl")));
  report("grid", grid(file("grid")));
  report("sweep", sweep(file("sweeps"), "base", 1));
  report("repeated", repeated(file("repeated")));
  report("sweeps", file("sweeps/base"), sweep(file("sweeps"), "slower", 1.6));
  return list;
}

module.exports = { pages };
