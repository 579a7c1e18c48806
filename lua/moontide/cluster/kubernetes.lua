--- The command `kubernetes`: manifests that drive the replay at hand in shards, an Indexed Job whose pods
--- take a part of the load each, and a Job that merges what they measured. A small script or trace goes with
--- them.
local json = require("moontide.base.json").public.json
local moment = require "moontide.drive.moment"
local shards = require "moontide.cluster.shards"
local system = require "moontide.kit.system"
local target = require "moontide.drive.target"
local units = require "moontide.kit.units"

local kubernetes = {}

local own = {
  { "name", kind = "string", default = "moontide", placeholder = "NAME",
    help = "of the jobs, and of the run's folder in the volume; a new one for each run" },
  { "image", kind = "string", default = "moontide:latest", placeholder = "IMAGE",
    help = "the image that examples/kubernetes/Containerfile makes, where the cluster gets it" },
  { "start-at", kind = "moment",
    help = "when all shards begin (RFC 3339, 12:30:00, +4m after the next full minute); pods must be up by "
      .. "then (default: +4m)" },
  { "claim", kind = "string", placeholder = "NAME",
    help = "a volume claim that is there, for results, and for the paths that begin with /data/ (default: "
      .. "moontide-data, which is made)" },
  { "storage", kind = "string", default = "10Gi", placeholder = "SIZE", help = "of the claim that is made" },
  { "storage-class", kind = "string", placeholder = "NAME",
    help = "of the claim that is made: one that many nodes can write to (ReadWriteMany)" },
  { "secret", kind = "string", default = "moontide-api-key", placeholder = "NAME",
    help = "the Secret that holds the variable of --api-key-env" },
  { "cpu", kind = "string", default = "2", placeholder = "CPUS",
    help = "of each pod: asked for, and its limit" },
  { "memory", kind = "string", default = "2Gi", placeholder = "SIZE",
    help = "of each pod: asked for, its limit, and what a run may need" },
}

local all = shards.options(own)

--- All options of the command.
---@return moontide.option[]
function kubernetes.options()
  return all
end

-- --- what may be wrong -----------------------------------------------------------------------------

local longest_name = 50 -- of 63 that a pod's name may have, "-merge" or "-shards-9999" aside

-- What is wrong with a name as Kubernetes has them (RFC 1123), or nil.
local function wrong_name(option, name, most)
  if not name then return nil end
  if #name <= most and name:find "^[a-z0-9][a-z0-9-]*$" and not name:find "%-$" then return nil end
  return ("--%s must be small letters, digits and '-', %d at most, not %s"):format(option, most,
    units.show(name))
end

local function wrong_quantity(option, text, pattern, allowed)
  if text:find(pattern) and text:find "[1-9]" then return nil end
  return ("--%s must be %s, not %s"):format(option, allowed, units.show(text))
end

local sizes = "^%d+[KMGT]?i?$"

--- What is wrong with the options, or nil.
---@param opt table
---@return string?
function kubernetes.check(opt)
  local wrong = wrong_name("name", opt.name, longest_name) or wrong_name("claim", opt.claim, 63)
    or wrong_name("secret", opt.secret, 63) or wrong_name("storage-class", opt.storage_class, 63)
    or wrong_quantity("storage", opt.storage, sizes, "a size (10Gi)")
    or wrong_quantity("memory", opt.memory, sizes, "a size (2Gi)")
  if wrong then return wrong end
  if not (opt.cpu:find "^%d+m$" or opt.cpu:find "^%d+%.?%d*$") or not opt.cpu:find "[1-9]" then
    return wrong_quantity("cpu", opt.cpu, "^$", "a number of processors (2, 500m)")
  end
  if not opt.image:find "^[%w][%w._/:@-]*$" then
    return "--image must be an image's name, not " .. units.show(opt.image)
  end
  if opt.api_key_env and not opt.api_key_env:find "^[%a_][%w_]*$" then
    return "--api-key-env must be a variable's name, not " .. units.show(opt.api_key_env)
  end
  return shards.check(opt)
end

-- --- texts in YAML ---------------------------------------------------------------------------------

-- Any text as a scalar of YAML: in the form of JSON, which YAML takes, and what YAML calls unprintable as \u.
local function scalar(text)
  return (json.encode(text):gsub("\127", "\\u007f"):gsub("\194([\128-\159])", function(byte)
    return ("\\u%04x"):format(byte:byte())
  end):gsub("\239\187\191", "\\ufeff"))
end

-- Words as a list of args; the kubelet reads "$(NAME)" in them, and "$$" as "$".
local function list(words, indent)
  local lines = {}
  for i, word in ipairs(words) do lines[i] = indent .. "- " .. scalar(word) end
  return table.concat(lines, "\n")
end

local function escaped(words)
  local texts = {}
  for i, word in ipairs(words) do texts[i] = word:gsub("%$", "$$") end
  return texts
end

-- The template with each {name} replaced by what `values` has of it; a line of which "" is left goes.
local function filled(template, values)
  return (template:gsub("[^\n]*\n", function(line)
    local has_any, is_empty = false, true
    local text = line:gsub("{(%l+)}", function(name)
      has_any, is_empty = true, is_empty and values[name] == ""
      return values[name]
    end)
    return has_any and is_empty and "" or text
  end))
end

-- --- files that go with the jobs -------------------------------------------------------------------

local most_bytes = 1000000 -- of a ConfigMap, which may have 1 MiB

-- A file of this machine among the words becomes one of the ConfigMap; { path, text } are kept in `files`.
-- Paths in the volume stay.
local function carried(path, files)
  if path:find "^/data/" then return path end
  local text, message = system.read(path)
  if not text then return nil, message, "io" end
  if not utf8.len(text) or text:find "\0" then
    return nil, path .. " is no text, as a ConfigMap has it: put it into the volume, and name it /data/...",
      "usage"
  end
  local name = path:match "[^/]+$"
  if not name:find "^[%w._-]+$" then
    return nil, path .. ": a ConfigMap has no names but of letters, digits, '.', '_' and '-'", "usage"
  end
  if files[name] and files[name] ~= text then
    return nil, ("two files are called %s: a ConfigMap has one of a name"):format(name), "usage"
  end
  files[name], files.bytes = text, files.bytes + #text
  if files.bytes > most_bytes then
    return nil, ("%s: what goes with the jobs would have %d bytes, more than the %d of a ConfigMap: put it "
      .. "into the volume, and name it /data/..."):format(path, files.bytes, most_bytes), "usage"
  end
  return "/load/" .. name
end

-- The words with their local files carried; gives the files too.
local function carry(parts, opt)
  local files = { bytes = 0 }
  local is_bundled = target.is_plan(opt.target) and not opt.target:find "%.lua$"
  if not is_bundled then
    local path, message, code = carried(opt.target, files)
    if not path then return nil, message, code end
    parts.target = path
  end
  local words = parts.driving
  for i = 2, #words do
    local option = words[i - 1]
    if option == "--ca" or option == "--adapter" and words[i]:find "%.lua$" then
      local path, message, code = carried(words[i], files)
      if not path then return nil, message, code end
      words[i] = path
    end
  end
  files.bytes = nil
  return files
end

-- --- the manifests ---------------------------------------------------------------------------------

local claim_template = [[
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: "{claim}"
spec:
  accessModes: ["ReadWriteMany"]
  storageClassName: "{class}"
  resources:
    requests:
      storage: "{storage}"
---
]]

-- Both jobs; {indexed} are lines that only the shards have.
local job_template = [[
apiVersion: batch/v1
kind: Job
metadata:
  name: "{job}"
  labels:
    app.kubernetes.io/name: moontide
    app.kubernetes.io/instance: "{name}"
spec:
{kind}
  ttlSecondsAfterFinished: 3600
  template:
    metadata:
      labels:
        app.kubernetes.io/name: moontide
        app.kubernetes.io/instance: "{name}"
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
{spread}
      containers:
        - name: moontide
          image: {image}
          args:
{args}
{environment}
          resources:
            requests:
              cpu: {cpu}
              memory: "{memory}"
            limits:
              cpu: {cpu}
              memory: "{memory}"
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]
          volumeMounts:
            - name: data
              mountPath: /data
{loadmount}
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: "{claim}"
{loadvolume}
]]

-- A pod that failed is not tried again: it would be late. It does not end the others.
local indexed_kind = [[
  completionMode: Indexed
  completions: {count}
  parallelism: {count}
  backoffLimitPerIndex: 0]]

-- It waits to be resumed, once the shards are done.
local merge_kind = [[
  suspend: true
  backoffLimit: 0]]

-- Drivers on nodes of their own, as far as there are so many.
local spread_template = [[
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app.kubernetes.io/instance: "{name}"]]

local environment_template = [[
          env:
            - name: "{variable}"
              valueFrom:
                secretKeyRef:
                  name: "{secret}"
                  key: "{variable}"]]

local load_mount = [[
            - name: load
              mountPath: /load
              readOnly: true]]

local load_volume = [[
        - name: load
          configMap:
            name: "{name}-load"]]

local introduction = [[
# {count} shards of one load, and the merge of what they measure. They begin at {start}.
#
#   kubectl apply --server-side -f THIS_FILE
#   kubectl wait --for=condition=complete --timeout=24h job/{name}-shards
#   kubectl patch job/{name}-merge --patch '{"spec": {"suspend": false}}'
#   kubectl wait --for=condition=complete job/{name}-merge && kubectl logs job/{name}-merge
#
# A pod that failed is not tried again, it would be late: then the first wait does not end, and
# 'kubectl get job/{name}-shards' says how many there are.
{keep}
]]

local keep_claim = "# The results are in the claim below: 'kubectl delete -f THIS_FILE' deletes them, too."

local function config_map(name, files)
  local lines = {}
  for file, text in pairs(files) do lines[#lines + 1] = ("  %s: %s"):format(scalar(file), scalar(text)) end
  if #lines == 0 then return "" end
  table.sort(lines)
  return ('apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: "%s-load"\ndata:\n%s\n---\n'):format(name,
    table.concat(lines, "\n"))
end

-- A moment as RFC 3339 has it.
local function shown_moment(ns)
  local fraction = ns % 1000000000
  return os.date("!%Y-%m-%dT%H:%M:%S", ns // 1000000000)
    .. (fraction > 0 and (".%09d"):format(fraction) or "") .. "Z"
end

-- The words of a shard's replay and of the merge.
local function commands(opt, parts, start)
  local folder, driving = "/data/" .. opt.name, parts.driving
  if not opt.max_memory then table.move({ "--max-memory", opt.memory }, 1, 2, #driving + 1, driving) end
  -- A shard that was late has not failed: the merged run's verdict says so, and a Job is to complete.
  if not opt.accept_invalid then driving[#driving + 1] = "--accept-invalid" end
  local index = "$(JOB_COMPLETION_INDEX)"
  local replay = shards.replay(parts, { "--shard", ("%s/%d"):format(index, opt.shards), "--start-at", start,
    "--output-dir", folder .. "/shards/" .. index }, escaped)
  local merge = { "merge", folder .. "/shards", "--output-dir", folder .. "/merged" }
  return replay, table.move(parts.merging, 1, #parts.merging, #merge + 1, merge)
end

-- The template's lines without the last line feed, as they stand in another.
local function lines_of(template, values)
  return filled(template .. "\n", values):sub(1, -2)
end

local function manifests(opt, files, replay, merge, start)
  local values = {
    name = opt.name, count = tostring(opt.shards), start = start, image = scalar(opt.image),
    claim = opt.claim or "moontide-data", class = opt.storage_class or "", storage = opt.storage,
    cpu = scalar(opt.cpu), memory = opt.memory, secret = opt.secret, variable = opt.api_key_env or "",
    keep = opt.claim and "" or keep_claim, spread = "", environment = "", loadmount = "", loadvolume = "",
    job = opt.name .. "-merge", kind = merge_kind, args = list(merge, "            "),
  }
  local of_merge = filled(job_template, values)
  values.job, values.args = opt.name .. "-shards", list(replay, "            ")
  values.kind, values.spread = lines_of(indexed_kind, values), lines_of(spread_template, values)
  if opt.api_key_env then values.environment = lines_of(environment_template, values) end
  if next(files) then values.loadmount, values.loadvolume = load_mount, lines_of(load_volume, values) end
  return filled(introduction, values) .. "---\n" .. (opt.claim and "" or filled(claim_template, values))
    .. config_map(opt.name, files) .. filled(job_template, values) .. "---\n" .. of_merge
end

--- Runs the command: prints the manifests.
---@param opt table checked
---@param words string[] of the command line
---@return true?, string? message, string? code
function kubernetes.run(opt, words)
  local is_right, message, code = shards.try(opt)
  if not is_right then return nil, message, code end
  local parts = shards.words("kubernetes", words, opt, all)
  local files
  files, message, code = carry(parts, opt)
  if not files then return nil, message, code end
  local start = shown_moment(opt.start_at or moment.of("+4m", "--start-at"))
  local replay, merge = commands(opt, parts, start)
  print((manifests(opt, files, replay, merge, start):gsub("\n$", "")))
  return true
end

return kubernetes
