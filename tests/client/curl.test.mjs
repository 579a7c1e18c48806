// The mock answers curl: what of HTTP a client may use that is not our own.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { startMock, wordsOf } from "./mock.mjs";

const run = promisify(execFile);

// What curl prints of $URL + path; a failed transfer fails the test.
const curl = async (...words) => (await run("curl", ["-sS", "--max-time", "20", ...words])).stdout;

async function withMock(words, body) {
  const mock = await startMock("--ttft", "2", "--itl", "1", ...words);
  await body(mock.url);
  return mock.end();
}

const eventsOf = (text) => text.split("\n\n").filter((event) => event.startsWith("data: "));

test("pages, and what is not there", async () => {
  await withMock(["--model", "tide"], async (url) => {
    assert.match(await curl("-i", url + "/health"), /^HTTP\/1.1 200 OK\r\n/);
    assert.equal(JSON.parse(await curl(url + "/v1/models")).data[0].id, "tide");
    assert.match(await curl(url + "/metrics"), /^vllm:num_requests_running\{.*\} 0/m);
    assert.equal(await curl("-o", "/dev/null", "-w", "%{http_code}", url + "/nowhere"), "404");
    assert.equal(await curl("-o", "/dev/null", "-w", "%{http_code}", url + "/v1/completions"), "405");
    await assert.rejects(curl("--fail", url + "/nowhere"));
    // A head alone, and the connection is still good.
    const heads = await curl("-I", "-w", "%{num_connects}\n", url + "/health", url + "/v1/models");
    assert.equal(heads.match(/^HTTP\/1.1 200 OK/gm).length, 2);
    assert.deepEqual(heads.match(/^[01]$/gm), ["1", "0"]);
  });
});

test("streams and whole answers", async () => {
  const counts = await withMock([], async (url) => {
    const chat = JSON.stringify({ messages: [{ role: "user", content: "a" }], max_tokens: 5, stream: true });
    const events = eventsOf(await curl("-N", url + "/v1/chat/completions", "-d", chat));
    assert.equal(events.at(-1), "data: [DONE]");
    assert.equal(JSON.parse(events.at(-2).slice(6)).choices[0].finish_reason, "length");
    const whole = JSON.parse(await curl(url + "/v1/completions", "--json", '{"prompt":"a b","max_tokens":5}'));
    assert.equal(wordsOf(whole.choices[0].text), 5);
    const tokens = JSON.parse(await curl(url + "/tokenize", "--json", '{"prompt":"a b c"}'));
    assert.equal(tokens.count, 3);
    assert.equal(await curl("-X", "POST", "-w", "%{http_code}", url + "/reset_prefix_cache"), "200");
  });
  assert.equal(counts.answered, 2);
});

test("HTTP as clients vary it", async () => {
  const counts = await withMock([], async (url) => {
    const body = JSON.stringify({ prompt: "a ".repeat(700000), max_tokens: 3 });
    const ways = [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"], ["--http1.0"], ["--http2"],
      ["--compressed"], ["-H", "Connection: close"]];
    for (const way of ways) {
      const sent = run("curl", ["-sS", "--max-time", "20", ...way, url + "/v1/completions", "--json", "@-"]);
      sent.child.stdin.end(body);
      assert.equal(JSON.parse((await sent).stdout).usage.prompt_tokens, 700000, way.join(" "));
    }
    // As many requests as there are, one after another on one connection.
    const one = [url + "/v1/completions", "-d", '{"prompt":"a","max_tokens":2,"stream":true}'];
    const many = await curl("-w", "%{num_connects}\n", ...one, one[0], one[0]);
    assert.deepEqual(many.match(/^[01]$/gm), ["1", "0", "0"]);
    assert.equal(eventsOf(many).filter((event) => event === "data: [DONE]").length, 3);
  });
  assert.equal(counts.answered, 10);
});

test("APIs of the dialects' own", async () => {
  const asked = async (dialect, path, body) => {
    let said;
    await withMock(["--dialect", dialect], async (url) => {
      said = await curl("-N", url + path, "--json", JSON.stringify(body));
    });
    return said;
  };
  const whole = async (...words) => JSON.parse(await asked(...words));
  const parameters = { max_new_tokens: 3 };
  assert.equal(wordsOf((await whole("tgi", "/generate", { inputs: "a", parameters })).generated_text), 3);
  const tgi = (await asked("tgi", "/generate_stream", { inputs: "a", parameters })).trim().split("\n\n");
  assert.equal(tgi.length, 3);
  assert.equal(wordsOf(JSON.parse(tgi[2].slice(5)).generated_text), 3);
  const options = { num_predict: 3 };
  const lines = (await asked("ollama", "/api/generate", { prompt: "a b", options })).trim().split("\n");
  assert.equal(wordsOf(lines.map((line) => JSON.parse(line).response).join("")), 3);
  assert.equal(JSON.parse(lines[3]).prompt_eval_count, 2);
  const messages = [{ role: "user", content: "a" }];
  const chat = await whole("ollama", "/api/chat", { messages, options, stream: false });
  assert.equal(wordsOf(chat.message.content), 3);
  assert.equal(chat.done_reason, "length");
  const completion = await whole("llamacpp", "/completion", { prompt: [1, 2], n_predict: 3 });
  assert.deepEqual([completion.tokens.length, completion.tokens_evaluated], [3, 2]);
  const generated = await whole("sglang", "/generate", { text: "a b", sampling_params: parameters });
  assert.deepEqual([wordsOf(generated.text), generated.meta_info.completion_tokens], [3, 3]);
  const triton = await whole("triton", "/v2/models/m/generate", { text_input: "a", max_tokens: 3 });
  assert.deepEqual([wordsOf(triton.text_output), triton.model_name], [3, "m"]);
});

test("answers that are cut are failures of the transfer", async () => {
  for (const fault of ["reset_mid_stream", "closed_mid_event", "closed_before_byte", "bad_chunk_size"]) {
    await withMock(["--fail", fault], async (url) => {
      await assert.rejects(curl(url + "/v1/completions", "-d", '{"prompt":"a","stream":true}'), fault);
    });
  }
});
