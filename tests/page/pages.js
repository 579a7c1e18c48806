// The pages that are looked at, one of each kind: pages(folder, run) makes them by the program and gives
// [name, file] each. Names in the data try to be markup.
"use strict";
const fs = require("fs");
const path = require("path");

const hostile = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>";

function trace(file, count, name) {
  const lines = [];
  for (let i = 0; i < count; i++)
    lines.push(JSON.stringify({ timestamp: i * 137, input_length: 700 + (i * 811) % 9000,
      output_length: 1 + (i * 37) % 400, stream: i % 3 ? "chat" : name }));
  fs.writeFileSync(file, lines.join("\n") + "\n");
  return file;
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
  report("two", path.join(__dirname, "../data/small.jsonl"), trace(file("other.jsonl"), 800, "b"));
  return list;
}

module.exports = { pages };
