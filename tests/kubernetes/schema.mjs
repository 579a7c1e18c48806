// What is wrong with a manifest: by the schemas of Kubernetes' API, as the package kubernetes-models has them; by
// the fields that its types have, for the schemas let unknown ones pass; and by what every pod of ours promises.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const packages = path.join(path.dirname(fileURLToPath(import.meta.url)), "node_modules");

// The fields of an interface: name -> { type, file } of its type, or null where anything may stand.
function fieldsOf(file, name) {
  const text = fs.readFileSync(file, "utf8");
  const imports = {};
  for (const [, names, from] of text.matchAll(/import \{([^}]*)\} from "([^"]*)"/g))
    for (const one of names.split(",")) {
      const base = from.startsWith(".") ? path.resolve(path.dirname(file), from) : path.join(packages, from);
      imports[one.trim()] = base.replace(/\.js$/, "") + ".d.ts";
    }
  const body = text.match(new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`));
  if (!body) return null;
  const fields = {};
  for (const [, field, type] of body[1].matchAll(/^ {4}"([^"]+)"\??: ([^;]*);$/gm)) {
    const inner = type.match(/^(?:Array<)?(I[A-Z]\w*)>?$/);
    fields[field] = inner && imports[inner[1]] ? imports[inner[1]] : null;
  }
  for (const [, field] of body[1].matchAll(/^ {4}"([^"]+)"\??: [^;]*$/gm)) fields[field] ??= null;
  return fields;
}

function unknownFields(file, value, where, found) {
  if (Array.isArray(value)) return value.forEach((one, i) => unknownFields(file, one, `${where}/${i}`, found));
  if (value === null || typeof value !== "object") return;
  const fields = fieldsOf(file, "I" + path.basename(file, ".d.ts"));
  if (!fields || Object.keys(fields).length === 0) return;
  for (const name of Object.keys(value)) {
    if (!(name in fields)) found.push(`${where}/${name} is no field`);
    else if (fields[name]) unknownFields(fields[name], value[name], `${where}/${name}`, found);
  }
}

function brokenPromises(pod) {
  const found = [];
  const promise = (holds, text) => { if (!holds) found.push(`a pod must have ${text}`); };
  const context = pod.securityContext ?? {};
  promise(context.runAsNonRoot === true && context.runAsUser > 0, "a user that is not root");
  promise(context.seccompProfile?.type === "RuntimeDefault", "seccomp");
  promise(pod.restartPolicy === "Never", "restartPolicy Never");
  promise(pod.automountServiceAccountToken === false, "no account's token");
  for (const one of pod.containers) {
    const own = one.securityContext ?? {};
    promise(own.allowPrivilegeEscalation === false && own.readOnlyRootFilesystem === true, "no way to more rights");
    promise(JSON.stringify(own.capabilities?.drop) === '["ALL"]', "no capability");
    promise(["cpu", "memory"].every((name) => one.resources?.requests?.[name] && one.resources?.limits?.[name]),
      "requests and limits");
    promise(!one.command, "no command but the image's");
    for (const mount of one.volumeMounts ?? [])
      promise(pod.volumes.some((volume) => volume.name === mount.name), `a volume ${mount.name}`);
  }
  return found;
}

// What is wrong with it, as texts; none: nothing.
export async function wrongsOf(manifest) {
  const folder = manifest.apiVersion.includes("/") ? manifest.apiVersion : "v1";
  const file = path.join(packages, "kubernetes-models", folder, manifest.kind + ".d.ts");
  if (!fs.existsSync(file)) return [`${manifest.apiVersion} has no ${manifest.kind}`];
  const found = [];
  const model = await import(file.replace(/\.d\.ts$/, ".js"));
  try {
    new model[manifest.kind](manifest).validate();
  } catch (error) {
    found.push(error.message);
  }
  unknownFields(file, manifest, manifest.kind, found);
  if (manifest.kind === "Job") found.push(...brokenPromises(manifest.spec.template.spec));
  return found;
}
