// The mock answers OpenAI's own client as a server does: stream and not, errors, the list of models.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { startMock, wordsOf } from "./mock.mjs";

const DIALECTS = ["vllm", "sglang", "trtllm", "llamacpp", "tgi", "ollama", "dynamo", "openai", "triton"];
const messages = [{ role: "user", content: "one two three" }];

const clientOf = (mock, options) =>
  new OpenAI({ baseURL: mock.url + "/v1", apiKey: "none", maxRetries: 0, ...options });

// Runs body(client, mock) with a mock of these words, and gives the mock's own counts.
async function withMock(words, body, options) {
  const mock = await startMock("--ttft", "2", "--itl", "1", ...words);
  await body(clientOf(mock, options), mock);
  return mock.end();
}

async function read(stream) {
  const seen = { text: "", chunks: 0, reason: null, usage: null };
  for await (const chunk of stream) {
    const choice = chunk.choices[0];
    seen.chunks++;
    seen.text += choice?.delta?.content ?? choice?.text ?? "";
    seen.reason = choice?.finish_reason || seen.reason;
    seen.usage = chunk.usage ?? seen.usage;
  }
  return seen;
}

test("models", async () => {
  await withMock(["--model", "tide"], async (client) => {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    assert.deepEqual(models.map((model) => [model.id, model.object]), [["tide", "model"]]);
  });
});

for (const dialect of DIALECTS) {
  test(`chat and completions as ${dialect} has them`, async () => {
    const counts = await withMock(["--dialect", dialect], async (client) => {
      const chat = { model: "m", messages, max_tokens: 9 };
      const whole = await client.chat.completions.create(chat);
      assert.equal(whole.object, "chat.completion");
      assert.equal(wordsOf(whole.choices[0].message.content), 9);
      assert.equal(whole.choices[0].finish_reason, "length");
      assert.deepEqual([whole.usage.prompt_tokens, whole.usage.completion_tokens], [10, 9]);

      const asked = { ...chat, stream: true, stream_options: { include_usage: true } };
      const streamed = await read(await client.chat.completions.create(asked));
      assert.equal(wordsOf(streamed.text), 9);
      assert.ok(streamed.chunks >= 9);
      assert.equal(streamed.reason, "length");
      assert.deepEqual([streamed.usage.prompt_tokens, streamed.usage.completion_tokens], [10, 9]);
      assert.equal((await read(await client.chat.completions.create({ ...chat, stream: true }))).usage, null);

      // What puts a stream together again, and is strict about its parts.
      const runner = client.chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
      assert.equal(wordsOf(await runner.finalContent()), 9);
      assert.equal((await runner.totalUsage()).completion_tokens, 9);

      const prompt = { model: "m", prompt: "a b c d", max_tokens: 4 };
      const text = await client.completions.create(prompt);
      assert.equal(wordsOf(text.choices[0].text), 4);
      assert.equal(text.usage.prompt_tokens, 4);
      const ended = await read(
        await client.completions.create({ ...prompt, stream: true, stream_options: { include_usage: true } })
      );
      assert.equal(wordsOf(ended.text), 4);
      assert.equal(ended.reason, "length");
      assert.deepEqual([ended.usage.prompt_tokens, ended.usage.completion_tokens], [4, 4]);
    });
    assert.deepEqual([counts.requests, counts.answered, counts.left], [6, 6, 0]);
  });
}

test("token ids as a prompt", async () => {
  await withMock([], async (client) => {
    const answer = await client.completions.create({ model: "m", prompt: [5, 6, 7], max_tokens: 2 });
    assert.equal(answer.usage.prompt_tokens, 3);
  });
});

test("cached tokens", async () => {
  await withMock(["--kv-blocks", "100"], async (client) => {
    const prompt = Array.from({ length: 40 }, (_, i) => i);
    const asked = { model: "m", prompt, max_tokens: 1, stream: true, stream_options: { include_usage: true } };
    const cached = async () =>
      (await read(await client.completions.create(asked))).usage.prompt_tokens_details.cached_tokens;
    assert.deepEqual([await cached(), await cached()], [0, 32]);
  });
});

test("many streams at once", async () => {
  const counts = await withMock([], async (client) => {
    const asked = { model: "m", messages, max_tokens: 20, stream: true };
    const all = Array.from({ length: 50 }, async () => read(await client.chat.completions.create(asked)));
    for (const one of await Promise.all(all)) assert.equal(wordsOf(one.text), 20);
  });
  assert.equal(counts.answered, 50);
});

test("what the server refuses", async () => {
  const chat = { model: "m", messages, max_tokens: 5 };
  await withMock(["--model", "tide", "--max-model-len", "50"], async (client) => {
    await assert.rejects(client.chat.completions.create(chat), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.match(error.message, /`m` does not exist/);
      return error.type === "NotFoundError";
    });
    const long = { ...chat, model: "tide", max_tokens: 100 };
    await assert.rejects(client.chat.completions.create(long), OpenAI.BadRequestError);
    await assert.rejects(client.chat.completions.create({ ...long, stream: true }), /maximum context length/);
    await assert.rejects(client.chat.completions.create({ ...chat, model: "tide", messages: [] }), {
      status: 400,
    });
  });
  for (const [status, kind] of [[429, OpenAI.RateLimitError], [500, OpenAI.InternalServerError],
    [401, OpenAI.AuthenticationError], [503, OpenAI.InternalServerError]]) {
    await withMock(["--fail", `status_${status}`], async (client) => {
      await assert.rejects(client.chat.completions.create(chat), kind);
      await assert.rejects(client.chat.completions.create({ ...chat, stream: true }), kind);
    });
  }
});

test("errors in a stream, and streams that break off", async () => {
  const asked = { model: "m", messages, max_tokens: 8, stream: true };
  for (const [fault, expected] of [
    ["error_event", OpenAI.APIError],
    ["reset_mid_stream", Error],
    ["closed_mid_event", Error],
  ]) {
    const counts = await withMock(["--fail", fault], async (client) => {
      const whole = async () => read(await client.chat.completions.create(asked));
      await assert.rejects(whole, expected, fault);
    });
    assert.equal(counts.failed, 1, fault);
  }
});

test("a rate limit, and its Retry-After", async () => {
  const counts = await withMock(
    ["--rate-limit", "1"],
    async (client) => {
      const chat = { model: "m", messages, max_tokens: 1 };
      await client.chat.completions.create(chat);
      await client.chat.completions.create(chat);
    },
    { maxRetries: 3 }
  );
  assert.equal(counts.answered, 2);
  assert.ok(counts.refused >= 1);
});

test("a client that gives up", async () => {
  const counts = await withMock(["--ttft", "5s"], async (client) => {
    const chat = { model: "m", messages, max_tokens: 5 };
    await assert.rejects(client.chat.completions.create(chat, { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    setTimeout(() => stream.controller.abort(), 50);
    assert.equal((await read(stream)).chunks, 0);
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  assert.deepEqual([counts.answered, counts.left], [0, 2]);
});
