// A mock in the background, the binary ($MOONTIDE) as a child process: `await startMock("--ttft", "5")`
// gives { url, port, end() }; end() gives what it said of itself, { requests, answered, ..., left }.
import { spawn } from "node:child_process";
import { after } from "node:test";

const running = new Set();
after(() => running.forEach((child) => child.kill("SIGKILL")));

const closing = new RegExp(
  "(?<requests>\\d+) requests on (?<connections>\\d+) connections: (?<answered>\\d+) answered, " +
    "(?<refused>\\d+) refused, (?<failed>\\d+) failed as asked for, (?<left>\\d+) left by their clients"
);

export async function startMock(...words) {
  const child = spawn(process.env.MOONTIDE, ["mock", "--port", "0", ...words], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  running.add(child);
  let said = "";
  const ended = new Promise((resolve) => child.on("close", resolve));
  const port = await new Promise((resolve, reject) => {
    child.stderr.on("data", (text) => {
      said += text;
      const found = said.match(/listening on http:\/\/\S+:(\d+)\n/);
      if (found) resolve(Number(found[1]));
    });
    child.on("close", () => reject(new Error("the mock ended: " + said)));
  });
  async function end() {
    child.kill("SIGINT");
    await ended;
    running.delete(child);
    const counts = said.match(closing).groups;
    return Object.fromEntries(Object.entries(counts).map(([name, text]) => [name, Number(text)]));
  }
  return { url: `http://127.0.0.1:${port}`, port, end };
}

// The mock's tokens are words with a space before each.
export const wordsOf = (text) => text.trim().split(/\s+/).filter(Boolean).length;
