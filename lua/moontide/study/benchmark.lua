--- The command `sweep`: what it takes of the command line, and the load that it has without a target.
local drive_options = require "moontide.drive.options"
local axes = require "moontide.study.axes"
local figures = require "moontide.command.figures"
local json = require("moontide.base.json").public.json
local level = require "moontide.study.level"
local options = require "moontide.kit.options"
local sweep = require "moontide.study.sweep"

local benchmark = {}

-- Driving options that a level sets, or that have other names here.
local replaced = { ["url"] = true, ["model"] = true, ["output-dir"] = true, ["record"] = true,
  ["start-at"] = true }

local own = {
  { "target", kind = "string", argument = true, placeholder = "TARGET",
    help = "a trace, a script's file, or a bundled script (default: unique prompts of --isl and --std)" },
  { "words", kind = "string", argument = true, list = true, hidden = true },
  { "benchmark-name", kind = "string", placeholder = "NAME",
    help = "of the results' folder: letters, digits, _ and - (required)" },
  { "endpoint-url", kind = "string", list = true, placeholder = "URL", aliases = { "url" },
    help = "the endpoint: http://HOST[:PORT][/PATH] or https://... (required)" },
  { "model", kind = "string", placeholder = "NAME", default = "Qwen/Qwen3-0.6B",
    help = "the model's name, as the server has it" },
  { "isl", kind = "integer", min = 1, default = 2000, help = "without a target: mean input tokens" },
  { "std", kind = "integer", min = 0, default = 10,
    help = "without a target: standard deviation of input tokens" },
  { "osl", kind = "integer", min = 1, default = 256, help = "without a target: output tokens" },
  { "output-dir", kind = "path", placeholder = "FOLDER", default = "benchmarks/results",
    help = "the results are in FOLDER/NAME, each level's in a folder there" },
}

--- All options of the command, in order.
---@return moontide.option[]
function benchmark.options()
  local list = table.move(own, 1, #own, 1, {})
  table.move(axes.options, 1, #axes.options, #list + 1, list)
  table.move(sweep.options, 1, #sweep.options, #list + 1, list)
  for _, option in ipairs(drive_options.all {}) do
    if not replaced[option[1]] then list[#list + 1] = option end
  end
  local more = figures.options(false, "that of each level, before the first is driven")
  return table.move(more, 1, #more, #list + 1, list)
end

-- --- what may be wrong -----------------------------------------------------------------------------

-- The URL as it is driven; nil and what is wrong with it. Within a cluster a name is enough.
local function whole_url(url)
  if url:find "^https?://" then return url end
  local is_inside = (os.getenv "KUBERNETES_SERVICE_HOST" or "") ~= ""
  if not is_inside or url:find "://" then
    return nil, ("--endpoint-url must begin with http:// or https://, not '%s'"):format(url)
  end
  if not url:find "^[%w._-]+$" and not url:find "^[%w._-]+:%d+$" and not url:find "^[%w._-]+/"
    and not url:find "^[%w._-]+:%d+/" then
    return nil, ("--endpoint-url must be HOST[:PORT][/PATH] or begin with http:// or https://, not '%s'")
      :format(url)
  end
  local protocol = os.getenv "SERVICE_PROTOCOL"
  if not protocol or protocol == "" then protocol = "http" end
  if protocol ~= "http" and protocol ~= "https" then
    return nil, ("SERVICE_PROTOCOL in the environment must be http or https, not '%s'"):format(protocol)
  end
  return protocol .. "://" .. url
end

-- Options of the load that is there without a target make no sense beside one.
local function check_load(opt)
  if not opt.target then return nil end
  for _, name in ipairs { "isl", "std", "osl" } do
    if options.given(opt, name) then
      return ("--%s is of the load without a target; what %s itself takes stands behind --"):format(name,
        opt.target)
    end
  end
end

--- What is wrong with the options, or nil. opt.url becomes the URLs that are driven.
---@param opt table
---@return string?
function benchmark.check(opt)
  local name = opt.benchmark_name
  if not name then return "--benchmark-name is missing: the results' folder is called so" end
  if not name:find "^[%w_-]+$" then
    return ("--benchmark-name must be letters, digits, _ and -, not '%s'"):format(name)
  end
  if name == "plots" then
    return "--benchmark-name must not be 'plots': the folder of pictures is called so"
  end
  if not opt.endpoint_url then return "--endpoint-url is missing: the endpoint (http://127.0.0.1:8000)" end
  opt.url = {}
  for i, url in ipairs(opt.endpoint_url) do
    local whole, wrong = whole_url(url)
    if not whole then return wrong end
    opt.url[i] = whole
  end
  if not opt.model:find "%S" then return "--model must not be empty" end
  if opt.concurrencies and opt.concurrency then
    return "--concurrencies and --concurrency exclude each other"
  end
  if opt.concurrency and (opt.request_rates or opt.rate_scales) then
    return "--concurrency takes no notice of times: neither --request-rates nor --rate-scales go with it"
  end
  local wrong = check_load(opt) or figures.mistake(opt)
  if wrong then return wrong end
  local target = opt.target
  opt.target = target or "the load"
  wrong = drive_options.check(opt)
  opt.target = target
  return wrong
end

-- --- the load without a target ---------------------------------------------------------------------

-- Normal ISL, fixed OSL, unique prompts: the bundled script `steady`, at one request a second for rates to
-- scale.
local function own_load(opt)
  local load = { name = "steady" }
  function load.make(varied, driving)
    local has = { isl = opt.isl, std = opt.std, osl = opt.osl }
    for _, one in ipairs(varied) do
      if not has[one[1]] then
        return nil, ("--vary %s: the load without a target has isl, std and osl"):format(one[1]), "usage"
      end
      local option
      for _, candidate in ipairs(own) do option = candidate[1] == one[1] and candidate or option end
      has[one[1]] = options.value(one[2], "--vary " .. one[1], option, true)
    end
    local isl = has.std == 0 and tostring(has.isl) or ("normal:mean=%d,std=%d"):format(has.isl, has.std)
    return require("moontide.drive.target").of("steady",
      { "--rate", "1", "--isl", isl, "--osl", tostring(has.osl) }, driving)
  end
  return load
end

--- Runs the command.
---@param opt table checked
---@return integer? status, string? message, string? code
function benchmark.run(opt)
  local load, message, code = own_load(opt), nil, nil
  if opt.target then load, message, code = level.load(opt.target, opt.words or {}) end
  if not load then return nil, message, code end
  local done
  done, message, code = sweep.run(load, options.with(opt, {
    name = opt.benchmark_name, output_dir = opt.output_dir .. "/" .. opt.benchmark_name }), not opt.target)
  if not done then return nil, message, code end
  print(opt.json and json.encode(done) or done)
  return sweep.status(done)
end

return benchmark
