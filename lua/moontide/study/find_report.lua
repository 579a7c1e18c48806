--- What a search for the most prints and writes.
local core = require "moontide.core"
local drive = require "moontide.drive"
local json = require("moontide.base.json").public.json
local show = require "moontide.drive.show"
local summary = require "moontide.drive.summary"
local texts = require "moontide.kit.text"

local find_report = {}

local function number(value)
  return ("%.4g"):format(value)
end

--- A probe in a line: "8 requests/s (grow): passed; ttft.p99 is 312, within 500".
---@param self moontide.capacity
---@param probe table
---@return string
function find_report.line(self, probe)
  local parts = {}
  for i, one in ipairs(probe.promises) do parts[i] = one.text end
  local why = probe.passed and table.concat(parts, "; ") or probe.reason
  return ("%s %s (%s): %s; %s"):format(number(probe.level), self.unit, probe.why,
    probe.passed and "passed" or probe.is_too_low and "is too low" or "did not pass", why)
end

local function shown(promise)
  if not promise.value then return "-" end
  return promise.value == math.huge and "for ever" or ("%.6g"):format(promise.value)
end

-- "10 s to 50 s" of a trace; nil: the probe is of no trace's times.
local function stretch_of(probe)
  return probe.stretch and ("%.6g s to %.6g s"):format(probe.stretch[1], probe.stretch[2])
end

local function table_of(self)
  local is_of_trace = stretch_of(self.probes[1]) ~= nil
  local head = { self.unit, "why", "due", "done" }
  if is_of_trace then table.insert(head, 3, "of the trace") end
  for _, one in ipairs(self.slo) do
    local sign = one[3] and ">=" or "="
    head[#head + 1] = ("%s%s%.6g%s"):format(one[1], sign, one[2], summary.unit_text(one[1]))
  end
  head[#head + 1] = "driver"
  head[#head + 1] = "passed"
  local rows = { head }
  for _, probe in ipairs(self.probes) do
    local line = { number(probe.level), probe.why, texts.number(probe.counts.due, 0),
      texts.number(probe.counts.done, 0) }
    if is_of_trace then table.insert(line, 3, stretch_of(probe) or "-") end
    for _, one in ipairs(probe.promises) do line[#line + 1] = shown(one) end
    line[#line + 1] = probe.verdict
    line[#line + 1] = probe.passed and "yes" or probe.is_too_low and "too low" or "no"
    rows[#rows + 1] = line
  end
  return texts.aligned(rows)
end

-- Of the probes at the answer: percentiles that so few requests cannot tell from the largest, and a load that
-- was not even enough for its rate to be what was measured.
local function reservations(self)
  local list, fewest, due, count = {}, math.huge, 0, 0
  for _, probe in ipairs(self.probes) do
    if probe.level == self.max and probe.passed then
      if #list == 0 and stretch_of(probe) then
        list[1] = ("It was measured of the trace from %s; each level sees another stretch of it (--start "
          .. "says where they begin)"):format(stretch_of(probe))
      end
      fewest, due, count = math.min(fewest, probe.counts.due), due + probe.counts.due, count + 1
    end
  end
  for _, one in ipairs(self.slo) do
    local percent = tonumber(one[1]:match "%.p(%d+)$")
    if percent and percent > 50 and fewest * (100 - percent) < 100 then
      list[#list + 1] = ("%s of %d requests is about their largest: a longer --probe says more")
        :format(one[1], fewest)
    end
  end
  local wanted = self.unit_of.setting == "request_rate" and self.max * self.probe * count
  if wanted and math.abs(due - wanted) > math.max(0.2 * wanted, 4 * math.sqrt(wanted)) then
    list[#list + 1] = ("the load is not even: %.4g requests/s were due in what was measured"):format(
      due / (count * self.probe))
  end
  return list
end

local function so_far(self)
  return self.low and ("so far %s %s kept the promises"):format(number(self.low), self.unit)
    or "nothing kept the promises yet"
end

local function answer(self)
  if self.was_cancelled then return "The search was interrupted: " .. so_far(self) end
  if self.stopped then
    return ("The most was not found out: %s; %s"):format(self.stopped, so_far(self))
  end
  if not self.max and self.too_low then
    local above = self.high and ("; at %s: %s"):format(number(self.high), self.limited_by)
      or "; no more was tried (--most)"
    return ("No level keeps the promises; %s %s is too low: %s%s"):format(number(self.too_low), self.unit,
      self.low_reason, above)
  end
  if not self.max then
    return ("No level keeps the promises; at %s %s: %s"):format(number(self.high), self.unit, self.limited_by)
  end
  local beyond = self.high and ("; at %s: %s"):format(number(self.high), self.limited_by)
    or "; no more was tried (--most)"
  local text = ("The most is %s %s, tried twice%s"):format(number(self.max), self.unit, beyond)
  return table.concat({ text, table.unpack(reservations(self)) }, "\n")
end

-- What must be known of how the probes' figures were counted.
local function caution_lines(self)
  local runs = {}
  for i, probe in ipairs(self.probes) do
    runs[i] = { name = probe.folder or ("probe %d"):format(i), cautions = probe.cautions }
  end
  return show.first_cautions(runs, self.folder and show.cautions_at)
end

--- The table of the probes, the answer, and what must be known of how the figures were counted.
---@param self moontide.capacity
---@return string
function find_report.text(self)
  local text = ("%s at %s, model %s, seed %s: %s measured after %s\n\n%s\n\n%s"):format(self.name,
    table.concat(self.urls, ", "), self.model, texts.seed(self.seed), ("%.9g s"):format(self.probe),
    ("%.9g s"):format(self.ramp), #self.probes > 0 and table_of(self) or "no probe", answer(self))
  return table.concat({ text, table.unpack(caution_lines(self)) }, "\n")
end

local function promise_object(one)
  return json.object {
    { "name", one.name }, { "limit", one.limit }, { "is_least", one.is_least },
    { "value", one.value or json.null }, { "kept", one.kept } }
end

local function probe_object(probe)
  local promises, counts = {}, {}
  for i, one in ipairs(probe.promises) do promises[i] = promise_object(one) end
  for i, name in ipairs { "due", "done", "failed", "cancelled", "not_sent" } do
    counts[i] = { name, probe.counts[name] }
  end
  return json.object {
    { "level", probe.level }, { "why", probe.why }, { "passed", probe.passed },
    { "too_low", probe.is_too_low }, { "reason", probe.reason or json.null }, { "seed", probe.seed },
    { "verdict", probe.verdict },
    { "limited_by", json.array(probe.limited_by) }, { "counts", json.object(counts) },
    { "stretch", probe.stretch and json.array(probe.stretch) or json.null },
    { "promises", json.array(promises) }, { "cautions", json.array(probe.cautions) },
    { "folder", probe.folder or json.null } }
end

--- All of it, for json.encode. A promise's value is null where too much failed for there to be one.
---@param self moontide.capacity
---@return table
function find_report.json(self)
  local probes, slo = {}, {}
  for i, probe in ipairs(self.probes) do probes[i] = probe_object(probe) end
  for i, one in ipairs(self.slo) do slo[i] = { one[1] .. (one[3] and ">" or ""), one[2] } end
  return json.object {
    { "max", self.max or json.null }, { "unit", self.unit }, { "limited_by", self.limited_by },
    { "confirmed", self.is_confirmed }, { "was_cancelled", self.was_cancelled },
    { "stopped", self.stopped or json.null },
    { "bracket", json.array { self.low or json.null, self.high or json.null } },
    { "too_low", self.too_low or json.null }, { "precision", self.precision },
    { "slo", json.object(slo) }, { "ramp", self.ramp },
    { "probe", self.probe }, { "target", self.name }, { "urls", json.array(self.urls) },
    { "model", self.model }, { "seed", self.seed }, { "version", core.version },
    { "probes", json.array(probes) },
  }
end

--- Writes find-max.json and SUMMARY.txt.
---@param self moontide.capacity
---@param folder string
---@return true? done, string? message, string? code
function find_report.write(self, folder)
  local made, message, code = drive.make_folder(folder)
  if not made then return nil, message, code end
  for name, text in pairs {
    ["find-max.json"] = json.encode(find_report.json(self), { indent = 2 }) .. "\n",
    ["SUMMARY.txt"] = find_report.text(self) .. "\n",
  } do
    local done
    done, message, code = drive.write_file(folder .. "/" .. name, text)
    if not done then return nil, message, code end
  end
  return true
end

return find_report
