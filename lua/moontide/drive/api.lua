--- Driving from Lua: a load or a trace is sent to an endpoint when it is due, and what came of it is a value.
--
-- What drives is loaded when it is called for the first time.
local calls = require "moontide.drive.calls"
local core = require "moontide.core"
local options = require "moontide.kit.options"
local result = require "moontide.drive.result"

---@class moontide
local public = {}

local drive_spec, refuse_usage = calls.spec, calls.refuse

---@class moontide.driving_options
---@field url string|string[] the endpoint, "http://HOST[:PORT][/PATH]"; several are taken in turn
---@field model string the model's name
---@field api? "chat"|"completions" chat sends messages of words, completions token ids
---@field text? boolean completions with words instead of token ids
---@field adapter? string|moontide.endpoint another API: "tgi", "ollama", ..., a file, mt.endpoint{...}
---@field by_session? boolean with several URLs: a session stays at one of them
---@field header? string[]|table<string, string> further headers; {NAME} in one becomes the row's member
---@field api_key_env? string the environment's variable that holds the API key
---@field extra? string[]|table<string, any> further members of each body: { temperature = 0.7 }
---@field transport? "auto"|"direct"|"curl" how bytes get there
---@field insecure? boolean of https://: take any certificate
---@field ca? string of https://: a file of who may sign certificates
---@field timeout? string|table<string, number|string> connect, first, gap, total
---@field connections? integer so many are opened before the start
---@field speed_ratio? number divide timestamps and delays by this
---@field start? number|string leave out requests before this time
---@field end? number|string leave out requests at this time and after it: ["end"] = "90s"
---@field shard? string "0/4": the first of four
---@field dequantize? boolean spread times over the ticks of the recording's clock
---@field sessions? "cumulative"|"delta" what a row of a session counts
---@field live_history? boolean later turns of a session carry the server's real answers
---@field block_size? integer tokens per block of hash_ids
---@field vocab? string "1000..30000": token ids that prompts are made of
---@field max_tokens_field? string what the body calls the output length
---@field no_force_output? boolean send neither min_tokens nor ignore_eos
---@field no_stream? boolean ask for whole answers
---@field cancel_after? number|string|moontide.distribution seconds after which a user gives up on an answer
---@field warmup? integer requests to each URL before the start, outside the workload
---@field reset_cache? boolean before it ask the server to empty its prefix cache
---@field seed? integer of the texts of prompts, and of a workload's plan
---@field skip_bad_lines? boolean pass over lines of a trace that are no requests
---@field by? string results also by this member of the rows, or by "endpoint": the URL they went to
---@field server_metrics? string URL of the server's own figures, looked at once a second
---@field max_memory? string|integer bytes, "4G": refuse a run that needs more, as far as can be known before
---@field output_dir? string folder for the results' files
---@field inputs? boolean all bodies into inputs.json
---@field limits? string|table<string, number> where a run is valid: { lag_p99 = 5 }
---@field realtime? boolean ask for a real-time priority of the driver's thread

---@class moontide.drive_options: moontide.driving_options
---@field concurrency? integer closed loop: so many requests in flight, always
---@field duration? number|string send for so long
---@field num_requests? integer send so many
---@field rate_scale? number of a workload: multiply all rates
---@field start_at? string|number begin at this time of the wall clock: "12:30:00", "2026-07-06T12:30:00Z"
---@field window? string "30s..90s": only requests due in it are the result
---@field grace? number|string how long requests in flight are waited for at the end
---@field slo? string|table<string, number|string> objectives of each request: { ttft = 500, e2e = "2s" }
---@field phases? string|table[] results also by these spans of the run: { { "before", "20s" }, { "after" } }
---@field record? string write what was sent as a trace

--- Sends a trace to an endpoint, each request when it is due, and gives what came of it: a value that prints
--- as the report. Its metrics are its fields, run.time_to_first_token.p99.
---@param trace moontide.trace
---@param opt moontide.drive_options
---@return moontide.drive_run? run, string? message, string? code when nothing could be sent
function public.drive(trace, opt)
  local drive_options = require "moontide.drive.options"
  local values = options.table("drive", opt, drive_spec(drive_options.all {}))
  values.target = trace
  local wrong = drive_options.check(values)
  if wrong then refuse_usage("drive", wrong, "usage") end
  local target, message, code = require("moontide.drive.target").of_value(trace, values)
  if not target then return refuse_usage("drive", message, code) end
  values.target = nil
  local run
  require("moontide.drive.reset").before(values)
  run, message, code = require("moontide.drive.run").of(target, values)
  if not run then return refuse_usage("drive", message, code) end
  return run
end

--- A run that was driven before, from the folder of its results (output_dir, --output-dir), or from its
--- profile_export.jsonl or run.json: the same value, with the same figures, that driving gave, and with the
--- bounds that it was held against. Folders of AIPerf's are read too.
---@param folder string
---@return moontide.drive_run? run, string? message, string? code
function public.run_of(folder)
  folder = options.value(folder, "run_of: the folder", { kind = "string" })
  return require("moontide.drive.past").run(folder)
end

---@class moontide.merge_options
---@field output_dir string folder for the merged run's files
---@field allow_missing? boolean go on without a shard that is lost or did not end
---@field max_skew? number|string refuse shards that began further apart: "100ms"

--- Makes one run of the runs of the shards of one load, from the folders of their results: exact, because
--- every request is kept. Its field shards says how each went.
---@param folders string[]
---@param opt moontide.merge_options
---@return moontide.drive_run? run, string? message, string? code
function public.merge_runs(folders, opt)
  local merge = require "moontide.drive.merge"
  local values = options.table("merge_runs", opt, {
    { "output-dir", kind = "string", required = true }, { "allow-missing", kind = "flag" },
    { "max-skew", kind = "duration", min = 0, default = merge.default_skew },
  })
  folders = options.value(folders, "merge_runs: the folders", { kind = "string", list = true })
  if #folders == 0 then core.base.raise "merge_runs: the folders must be one or more" end
  local run, message, code = merge.of(folders, values)
  if code == "usage" then core.base.raise("merge_runs: " .. message) end
  return run, message, code
end

---@class moontide.drive_run
local run_methods = result.methods

local function judge_spec()
  local spec, wanted = {}, { slo = true, by = true, limits = true, phases = true }
  for _, option in ipairs(require("moontide.drive.options").result) do
    if wanted[option[1]] then spec[#spec + 1] = option end
  end
  return spec
end

---@class moontide.judge_options
---@field slo? string|table<string, number|string> objectives of each request: { ttft = 500, e2e = "2s" }
---@field by? string results also by this member of the rows, or by "endpoint": the URL they went to
---@field phases? string|table[] results also by these spans of the run: { { "before", "20s" }, { "after" } }
---@field limits? string|table<string, number> where the run is valid: { lag_p99 = 5 }

--- The run judged again, from the folder of its results: goodput by these objectives, groups by this member,
--- the verdict by these limits. What is not given stays the run's own.
---@param opt moontide.judge_options
---@return moontide.drive_run? run, string? message, string? code
function run_methods:judge(opt)
  local values = options.table("judge", opt, judge_spec())
  if not self.folder then
    core.base.raise "judge: the run was driven without output_dir: it kept no requests"
  end
  local run, message, code = require("moontide.drive.past").judge(self, values)
  if code == "usage" then core.base.raise("judge: " .. message:gsub("^%-%-", "")) end
  return run, message, code
end

---@class moontide.workload
local workload_methods = {}

--- Sends the requests to an endpoint, each when it is due, and gives what came of it: w:drive{ url =
--- "http://127.0.0.1:8000", model = "m" }.
---@param opt moontide.drive_options
---@return moontide.drive_run? run, string? message, string? code when nothing could be sent
function workload_methods:drive(opt)
  return public.drive(self, opt)
end

---@class moontide.endpoint_options
---@field api? "chat"|"text"|"tokens"|string[] what prompts are: messages, a text, token ids; { "tokens",
--- "text" }: ids, and a text where the run has the option text
---@field stream? boolean false: answers come as a whole, as with the option no_stream
---@field path? string after the URL, "/generate"
---@field request? fun(r: moontide.endpoint_request): table { body =, path =, headers = } of a request
---@field event? fun(text: string): table? { content =, reasoning =, tokens =, usage =, finish =, done =,
--- whole =, error = }; reasoning is content, too; whole is an answer that has no tokens (an embedding)

--- An endpoint of another API than OpenAI's, for the option `adapter`: how a request is made of OpenAI's
--- body, and what an event of an answer says. Both run beside the driver, not in it, and events keep the
--- times at which they came.
-- An error in either fails that request alone, with its message: in `request` as "adapter_error", in `event`
-- as "malformed". A run of whose first ten requests none could be made ends.
---@param opt moontide.endpoint_options
---@return moontide.endpoint
function public.endpoint(opt)
  return require("moontide.drive.endpoint").new(opt)
end

-- --- a server to try it on --------------------------------------------------------------------------

---@class moontide.mock_server
---@field url string
local server_methods = {}

local server_type = { __name = "moontide.mock_server", __index = server_methods }

--- Ends the server. It ends as well when nobody holds it any longer.
function server_methods:close()
  self.process:close()
end

server_type.__close = server_methods.close

function server_type:__tostring()
  return "mock server at " .. self.url
end

---@class moontide.mock_options
---@field port? integer where it listens; 0, the default: any that is free
---@field host? string the address it listens at
---@field dialect? string whose streams, errors and habits it has: "vllm", "sglang", ...
---@field model? string the only model there is
---@field ttft? number|string|moontide.distribution to the first token: milliseconds, "1.5s"
---@field itl? number|string|moontide.distribution from token to token, the same
---@field prefill_per_token? number|string milliseconds for each token of the prompt that is not cached
---@field tokens_per_chunk? integer|string|moontide.distribution tokens that come at once
---@field osl? integer|string|moontide.distribution where an answer ends by itself
---@field timing? string a Lua file: return function(request) return ttft, itl end
---@field slots? integer requests that run at once
---@field queue? integer requests that wait for a slot; more are refused
---@field load_factor? number all takes so many times as long when all slots are in use
---@field rate_limit? number|string requests in any second at most; more are refused with 429
---@field max_model_len? integer tokens of prompt and answer together; more are refused
---@field kv_blocks? integer size of an LRU prefix cache
---@field block_size? integer tokens per block
---@field hit_rule? "vllm"|"all" whole blocks, or a last, partial one too
---@field keep_alive? number|string an idle connection is closed then; 0: never
---@field ping? number|string a stream says a comment after so long a silence
---@field requests_per_connection? integer then it is closed
---@field fail? string|table<string, number> failures by name and their shares: { stall = 0.01 }
---@field seed? integer of times, words and failures
---@field log? string file for what was received and said when

--- A mock inference server in a process of its own, to try a driver on: server.url is where it is. It ends
--- with server:close(), or with this process.
---@param opt? moontide.mock_options
---@return moontide.mock_server? server, string? message, string? code
function public.mock(opt)
  local mock = require "moontide.drive.mock"
  local scripts = require "moontide.script.load"
  local spec, port = {}, { "port", kind = "integer", min = 0, max = 65535, default = 0 }
  for i, option in ipairs(scripts.load(scripts.find "mock" --[[@as moontide.source]]).options) do
    spec[i] = option[1] == "port" and port or option
  end
  local values = options.table("mock", opt, spec)
  local wrong = mock.check(values)
  if wrong then refuse_usage("mock", wrong, "usage") end
  local process, url, code = mock.spawn(values)
  if not process then return nil, url, code end
  return setmetatable({ url = url, process = process }, server_type)
end

return {
  public = public,
  methods = { { "workload", workload_methods }, { "drive_run", run_methods },
    { "mock_server", server_methods } },
}
