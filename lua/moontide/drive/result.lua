--- What came of a run, as a value: it prints as the report, and its metrics are its fields.
local late = require "moontide.kit.late"

local result = {}

---@class moontide.drive_run
---@field metrics moontide.metric_summary[] in the order of the report; each is a field of the run by its key
---@field counts table<string, integer> requests: due, done, failed, cancelled, not_sent, resent
---@field verdict moontide.verdict may the figures be believed: its name is "valid", "degraded" or "invalid"
---@field server moontide.server_report? what the server said of itself
---@field was_cancelled boolean Ctrl-C ended it
---@field message string? what failed in mid-run
---@field results table what was due in the window (core's)
---@field outside table what was due before and after it
---@field groups table[] { value =, results = }
---@field phases moontide.run_phase[] spans of it, each with its metrics
---@field bounds table[]? what it is held against: { measure, most } or { measure, least, "least" } each
---@field by_key table<string, moontide.metric_summary>
---@field shards table[]? of a merged run: each shard's counts, start, verdict
---@field folder string? where its results' files are
---@field info table? of a run that was read back: its run.json
local methods = late.methods("drive_run", {})

local metatable = { __name = "moontide.drive_run" }

function metatable:__index(name)
  if methods[name] then return methods[name] end
  local by_key = rawget(self, "by_key")
  return by_key and by_key[name]
end

function metatable:__tostring()
  return require("moontide.drive.show").report(self)
end

function metatable:__json()
  return require("moontide.drive.files").whole(self)
end

--- A measure by its name: a metric or a short name of it and a statistic, "ttft.p99" (the median where none
--- is said); a total, "goodput"; "error_rate"; of one of its phases "ttft.p99@storm", "longest_gap@storm" (in
--- ms), "recovery@storm" (seconds, math.huge when it did not recover). nil and a message when it was not
--- measured.
---@param name string
---@return number? value, string? message
function methods:measure(name)
  name = require("moontide.kit.options").value(name, "measure: the name", { kind = "string" })
  return require("moontide.drive.summary").measure(self, name)
end

--- Its requests one by one, as its profile_export.jsonl has them: columns. #r is their number,
--- r:column("ttft") a list with a number for each, NaN where a request lacks the metric; so are "number",
--- "line", "turn", "due", "begun", "sent", "first_byte", "end" (nanoseconds since 1970), "status",
--- "endpoint", "shard", "chunks"; "session", "phase", "outcome", "message" are texts. r:names() gives the
--- names that there are, r:gaps(i) the times between the chunks of request i in ms.
---@return userdata? requests, string? message, string? code
function methods:requests()
  if self.columns then return self.columns end
  if not self.folder then
    require("moontide.core").base.raise "requests: the run was driven without output_dir: it kept none"
  end
  local requests, message, code = require("moontide.drive.requests").of(self.folder)
  if not requests then return nil, message, code end
  self.columns = requests
  return requests
end

--- The value of a run's figures.
---@param self table
---@return moontide.drive_run
function result.new(self)
  local counted = self.results
  self.counts = {
    due = counted.due, done = counted.done, failed = counted.failed, cancelled = counted.cancelled,
    not_sent = counted.not_sent, resent = counted.resent,
  }
  return setmetatable(self, metatable)
end

result.methods = methods

return result
