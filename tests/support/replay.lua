-- Replay against the mock: a server, a trace's text, a run of it, and what its results say.
local assert = require "luassert"
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local replay = {}

--- For runs whose times a busy machine may make invalid.
replay.accepts = " --accept-invalid "

--- A quick mock with further words; gives its URL and the mock.
function replay.start(...)
  local server = mock.start { "--ttft", "2", "--itl", "0.5", ... }
  return ("http://127.0.0.1:%d"):format(server.port), server
end

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- A trace of so many requests, every so many milliseconds; each(i, row) changes the rows.
function replay.trace_text(count, every, each)
  local lines = {}
  for i = 1, count do
    local row = { timestamp = (i - 1) * every, input_length = 20, output_length = 4, hash_ids = { i } }
    if each then each(i, row) end
    lines[i] = json.encode(row)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Begins replay on a trace's text (or a target's name) with further words, beside what follows; gives a
--- function that waits for its end and gives the result with .folder, where the results are below "out", and
--- .run, what run.json says.
function replay.begin(url, target, words, opts)
  opts = opts or {}
  local folder = command.folder()
  if target:find "\n" then target = command.write(folder, "trace.jsonl", target) end
  local line = ('%s"$MOONTIDE" replay %s --url %s --model m %s --output-dir out %s'):format(
    opts.before or "exec ", quote(target), url, opts.warmup or "--warmup 0", words or "")
  if opts.after then
    -- In the background, where SIGINT would be ignored; $p is its process.
    line = ("env --default-signal=INT %s & p=$!\n"):format(line:gsub("^exec ", ""))
      .. "until ls -l /proc/$p/fd 2>/dev/null | grep -q '/out/' || ! kill -0 $p; do sleep 0.02; done\n"
      .. "sleep 0.3\n" .. opts.after .. "\nwait $p"
  end
  local finish = command.start(line, { folder = folder, environment = opts.environment })
  return function()
    local result = finish()
    result.folder, result.out_folder = folder, folder .. "/out"
    if command.exists(result.out_folder .. "/run.json") then
      result.run = json.decode(command.read(result.out_folder .. "/run.json"))
    end
    return result
  end
end

--- Runs it.
function replay.run(...)
  return replay.begin(...)()
end

--- The lines of profile_export.jsonl, decoded.
function replay.lines_of(result)
  local lines = {}
  for line in command.read(result.out_folder .. "/profile_export.jsonl"):gmatch "[^\n]+" do
    lines[#lines + 1] = json.decode(line)
  end
  return lines
end

--- due = done + failed + cancelled + not_sent, the same everywhere, and a line of each.
function replay.accounts(result, expected)
  local counts = result.run.counts
  assert.equal(counts.due, counts.done + counts.failed + counts.cancelled + counts.not_sent)
  local summary = json.decode(command.read(result.out_folder .. "/profile_export_aiperf.json"))
  assert.same(counts, summary.counts)
  assert.equal(counts.done, summary.request_count.avg)
  assert.equal(counts.due - counts.done, summary.error_request_count.avg)
  local inside, errors = 0, 0
  for _, line in ipairs(replay.lines_of(result)) do
    if line.metadata.benchmark_phase == "profiling" then
      inside = inside + 1
      errors = errors + (line.error ~= json.null and 1 or 0)
    end
  end
  assert.equal(counts.due, inside)
  assert.equal(counts.due - counts.done, errors)
  local of_names = 0
  for _, one in ipairs(result.run.error_summary) do of_names = of_names + one.count end
  assert.equal(errors, of_names)
  local told = result.out:gsub("(%d),(%d)", "%1%2")
  assert.truthy(told:find(("%d request"):format(counts.due), 1, true), result.out)
  for name, count in pairs(expected or {}) do
    assert.equal(count, counts[name], name .. "\n" .. result.out)
  end
  return counts
end

return replay
