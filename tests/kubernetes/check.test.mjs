// Every manifest that is shipped or printed: Kubernetes' schemas take it, kubectl kustomize builds it, and its
// commands run as they are written there. TOP, BUILD and KUBECTL are of the environment (tests/kubernetes/run).
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { expanded, run } from "./kubelet.mjs";
import { wrongsOf } from "./schema.mjs";

const { TOP, BUILD, KUBECTL } = process.env;
const moontide = path.join(BUILD, "moontide");
const examples = path.join(TOP, "examples/kubernetes");
const scratch = path.join(BUILD, "kubernetes/scratch");
const load = `local mt = require "moontide"
return mt.workload { duration = "3s", mt.stream { arrivals = mt.poisson(30), new_input = 50, output = 5,
  prompt = mt.shared_prefix { tokens = 512, groups = 3 } } }
`;
let mock, port;

before(async () => {
  fs.rmSync(scratch, { recursive: true, force: true });
  fs.mkdirSync(scratch, { recursive: true });
  fs.writeFileSync(path.join(scratch, "load.lua"), load);
  mock = spawn(moontide, ["mock", "--port", "0", "--ttft", "2", "--itl", "0.2"], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  port = await new Promise((resolve, reject) => {
    mock.stderr.on("data", (bytes) => {
      text += bytes;
      const found = text.match(/listening on http:\/\/[^\n]*:(\d+)\n/);
      if (found) resolve(found[1]);
    });
    mock.on("close", () => reject(new Error("the mock ended: " + text)));
  });
});

after(() => mock.kill("SIGTERM"));

function manifestsOf(text) {
  return parseAllDocuments(text).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS();
  }).filter((one) => one !== null);
}

function shipped(name) {
  return manifestsOf(fs.readFileSync(path.join(examples, name), "utf8"));
}

function printed(...words) {
  return manifestsOf(execFileSync(moontide, ["kubernetes", ...words], { encoding: "utf8", cwd: scratch }));
}

async function isRight(manifests) {
  for (const one of manifests) assert.deepEqual(await wrongsOf(one), [], `${one.kind} ${one.metadata.name}`);
}

function clusterOf(name, manifests) {
  const folder = path.join(scratch, name);
  fs.mkdirSync(folder, { recursive: true });
  return { manifests, folder, enter: path.join(TOP, "tests/image/enter"), root: path.join(BUILD, "image/root") };
}

async function hasRun(cluster, name, index) {
  const result = await run(cluster, name, index);
  assert.equal(result.status, 0, result.err + result.out);
  return result;
}

function soon() {
  return new Date(Date.now() + 8000).toISOString().replace(/\.\d+/, "");
}

function requestsOfLoad() {
  const text = execFileSync(moontide, ["load.lua", "-o", "-"], { encoding: "utf8", cwd: scratch, stdio: ["ignore",
    "pipe", "ignore"] });
  return text.trim().split("\n").length;
}

test("shipped manifests are Kubernetes'", async () => {
  for (const name of ["benchmark_job.yaml", "replay_shards.yaml", "merge_job.yaml"]) await isRight(shipped(name));
});

test("a mistake in a manifest is seen", async () => {
  const mistakes = [
    [(job) => { job.spec.completion = 3; }, /Job\/spec\/completion is no field/],
    [(job) => { job.spec.template.spec.containers[0].arg = []; }, /containers\/0\/arg is no field/],
    [(job) => { job.spec.template.spec.restartPolicy = "never"; }, /restartPolicy must be equal/],
    [(job) => { job.spec.parallelism = "4"; }, /parallelism must be integer/],
    [(job) => { job.spec.template.spec.containers[0].args.push(4); }, /args\/\d+ must be string/],
    [(job) => { job.spec.template.spec.containers[0].securityContext.capabilities.drop = []; }, /no capability/],
    [(job) => { job.apiVersion = "batch/v2"; }, /batch\/v2 has no Job/],
  ];
  for (const [mistake, message] of mistakes) {
    const job = shipped("replay_shards.yaml").find((one) => one.kind === "Job");
    mistake(job);
    assert.match((await wrongsOf(job)).join("\n"), message);
  }
});

test("the shipped job of a benchmark is as a benchmark's is wanted", () => {
  const kinds = Object.fromEntries(shipped("benchmark_job.yaml").map((one) => [one.kind, one]));
  const { Job: job, PersistentVolumeClaim: claim, Secret: secret } = kinds;
  assert.equal(job.spec.backoffLimit, 0);
  assert.equal(job.spec.ttlSecondsAfterFinished, 3600);
  const pod = job.spec.template.spec;
  assert.deepEqual(pod.containers[0].volumeMounts, [{ name: "data", mountPath: "/data" }]);
  assert.equal(pod.volumes[0].persistentVolumeClaim.claimName, claim.metadata.name);
  assert.equal(pod.containers[0].env[0].valueFrom.secretKeyRef.name, secret.metadata.name);
});

test("the shipped benchmark runs", async () => {
  // As it is written, but for the endpoint; at two levels; and the machine of a test may be slow.
  const text = fs.readFileSync(path.join(examples, "benchmark_job.yaml"), "utf8")
    .replace("inference:8000", "127.0.0.1:" + port).replace("1,2,5,10,50,100,250", "1,4")
    .replace("            - --resume", "            - --accept-invalid\n            - --resume");
  const cluster = clusterOf("benchmark", manifestsOf(text));
  const result = await hasRun(cluster, "moontide-benchmark");
  assert.match(result.out, /in-cluster/);
  const folder = path.join(cluster.folder, "moontide-benchmark/results/in-cluster");
  for (const name of ["c1/run.json", "c4/run.json", "SUMMARY.txt", "sweep.csv"])
    assert.ok(fs.existsSync(path.join(folder, name)), name);
});

test("kubectl kustomize builds what runs, with endpoint, model, N and load of one's own", async () => {
  const folder = path.join(scratch, "kustomization");
  fs.cpSync(examples, folder, { recursive: true });
  const change = (name, changes) => {
    let text = fs.readFileSync(path.join(folder, name), "utf8");
    for (const [from, to] of changes) {
      assert.ok(text.includes(from), from);
      text = text.replaceAll(from, to);
    }
    fs.writeFileSync(path.join(folder, name), text);
  };
  fs.writeFileSync(path.join(folder, "load.lua"), load);
  change("kustomization.yaml", [["http://inference:8000", "http://127.0.0.1:" + port], ["Qwen/Qwen3-0.6B", "other"],
    ["START_AT=+4m", "START_AT=" + soon()], ["RUN=first", "RUN=second"], ["MAX_SKEW=100ms", "MAX_SKEW=20s"],
    ["newName: moontide", "newName: registry.example/moontide"]]);
  change("number_of_shards.yaml", [["4", "3"]]);
  const manifests = manifestsOf(execFileSync(KUBECTL, ["kustomize", folder], { encoding: "utf8", stdio: ["ignore", "pipe",
    "pipe"] }));
  await isRight(manifests);
  const job = manifests.find((one) => one.metadata.name === "moontide-shards");
  assert.deepEqual([job.spec.completions, job.spec.parallelism], [3, 3]);
  assert.equal(job.spec.template.spec.containers[0].image, "registry.example/moontide:latest");
  const cluster = clusterOf("kustomized", manifests);
  await Promise.all([0, 1, 2].map((index) => hasRun(cluster, "moontide-shards", index)));
  await hasRun(cluster, "moontide-merge");
  const merged = JSON.parse(fs.readFileSync(path.join(cluster.folder, "moontide-data/second/merged/run.json"), "utf8"));
  assert.equal(merged.counts.done, requestsOfLoad());
  assert.equal(merged.counts.due, merged.counts.done);
  assert.equal(merged.model, "other");
  assert.equal(merged.shards.length, 3);
});

test("kubectl kustomize builds what is shipped", async () => {
  await isRight(manifestsOf(execFileSync(KUBECTL, ["kustomize", examples], { encoding: "utf8", stdio: ["ignore", "pipe",
    "pipe"] })));
});

test("printed manifests are Kubernetes', whatever the words are", async () => {
  const base = ["--endpoint", "http://inference:8000", "--shards", "4", "--model"];
  await isRight(printed("steady", ...base, "m"));
  await isRight(printed("load.lua", ...base, "m", "--claim", "1", "--storage", "5", "--cpu", "0.5", "--name", "123"));
  await isRight(printed("steady", ...base, "m", "--api-key-env", "KEY", "--secret", "null", "--storage-class", "true",
    "--name", "1e5", "--", "--rate", "sine:mean=20,amp=10,period=60"));
  for (const word of ["a: b", "- x", "#", "it's", '"', "\\", "two\nlines", "$(JOB_COMPLETION_INDEX)", "$$", "é\u0085\u007f",
    "null", "{name}", "\ufeff", "*", "&a", "!b", "|"]) {
    const manifests = printed("steady", "--model=" + word, ...base.slice(0, 4));
    await isRight(manifests);
    const [container] = manifests.find((one) => one.spec.completions).spec.template.spec.containers;
    const args = container.args.map((one) => expanded(one, { JOB_COMPLETION_INDEX: "0" }));
    assert.ok(args.includes(word) || args.includes("--model=" + word), JSON.stringify(args));
  }
});

test("printed manifests run", async () => {
  const manifests = printed("load.lua", "--endpoint", "http://127.0.0.1:" + port, "--model", "m", "--shards", "4", "--name",
    "printed", "--start-at", soon(), "--max-skew", "20s", "--accept-invalid", "--api-key-env", "OPENAI_API_KEY");
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "moontide-api-key" }, stringData:
    { OPENAI_API_KEY: "key" } };
  const cluster = clusterOf("printed", [...manifests, secret]);
  await Promise.all([0, 1, 2, 3].map((index) => hasRun(cluster, "printed-shards", index)));
  await hasRun(cluster, "printed-merge");
  const merged = JSON.parse(fs.readFileSync(path.join(cluster.folder, "moontide-data/printed/merged/run.json"), "utf8"));
  assert.equal(merged.counts.done, requestsOfLoad());
  assert.equal(merged.shards.length, 4);
});
