// Runs a Job's pods as a kubelet would: environment, "$(NAME)" in args, volumes, in the image's root file system as
// tests/image/enter enters it. A claim is a folder.
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

function named(manifests, kind, name) {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

// What a ConfigMap or a Secret holds.
function dataOf(object) {
  const data = { ...object.stringData };
  for (const [name, value] of Object.entries(object.data ?? {}))
    data[name] = object.kind === "Secret" ? Buffer.from(value, "base64").toString() : value;
  return data;
}

// "$(NAME)" becomes the variable where there is one, "$$" a "$" (k8s.io/kubernetes/third_party/forked/golang/expansion).
export function expanded(text, environment) {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (all, first, name) =>
    first === "$" ? "$" : name in environment ? environment[name] : all);
}

function environmentOf(container, manifests, index) {
  const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", KUBERNETES_SERVICE_HOST: "10.0.0.1" };
  if (index !== undefined) environment.JOB_COMPLETION_INDEX = String(index);
  for (const one of container.envFrom ?? [])
    Object.assign(environment, dataOf(named(manifests, "ConfigMap", one.configMapRef.name)));
  for (const one of container.env ?? []) {
    const secret = one.valueFrom?.secretKeyRef;
    const value = secret ? dataOf(named(manifests, "Secret", secret.name))[secret.key] : one.value;
    if (value === undefined) throw new Error(`${one.name} has no value`);
    environment[one.name] = secret ? value : expanded(value, environment);
  }
  return environment;
}

// Runs pod `index` of the job (undefined: its only one) and gives { status, out, err }. cluster: { manifests, folder,
// enter, root }.
export function run(cluster, name, index) {
  const job = named(cluster.manifests, "Job", name);
  const pod = job.spec.template.spec;
  const [container] = pod.containers;
  const folders = { "/data": null, "/load": path.join(cluster.folder, "nothing") };
  fs.mkdirSync(folders["/load"], { recursive: true });
  for (const mount of container.volumeMounts) {
    const volume = pod.volumes.find((one) => one.name === mount.name);
    const claim = volume.persistentVolumeClaim?.claimName;
    const folder = path.join(cluster.folder, claim ?? volume.configMap.name);
    fs.mkdirSync(folder, { recursive: true });
    if (claim) fs.chownSync(folder, pod.securityContext.fsGroup, pod.securityContext.fsGroup);
    else
      for (const [file, text] of Object.entries(dataOf(named(cluster.manifests, "ConfigMap", volume.configMap.name))))
        fs.writeFileSync(path.join(folder, file), text);
    folders[mount.mountPath] = folder;
  }
  const environment = environmentOf(container, cluster.manifests, index);
  const args = container.args.map((one) => expanded(one, environment));
  return new Promise((resolve, reject) => {
    const child = spawn(cluster.enter, [cluster.root, folders["/data"], folders["/load"], ...args],
      { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    const result = { out: "", err: "" };
    child.stdout.on("data", (bytes) => { result.out += bytes; });
    child.stderr.on("data", (bytes) => { result.err += bytes; });
    child.on("error", reject);
    child.on("close", (status) => resolve({ ...result, status }));
  });
}
