--- Pictures of values in files, and the page of what is driven.
--
-- `plot` of a curve, workload, columns, pipe, analysis or run takes the options `file` and `what`.
-- x:plot{ file = "x.svg" } draws by gnuplot into a file; its name ends in .png, .svg or .pdf. `what` chooses
-- figures as `moontide plot --list` names them, in the terminal too. What draws is loaded when it is called
-- for the first time.
local calls = require "moontide.drive.calls"
local core = require "moontide.core"
local file = require "moontide.draw.file"
local options = require "moontide.kit.options"
local watch = require "moontide.drive.watch"

function file.plot(value, opt)
  return require("moontide.look.values").plot(value, opt)
end

---@class moontide
local public = {}

---@class moontide.drive_run
local methods = {}

---@class moontide.run_plot_options
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] figures of a run, as `moontide plot --list` names them

--- Figures of the run over time: in the terminal a picture, with `file` into that file.
---@param given? moontide.run_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(given)
  return file.plot(self, options.table("plot", given, file.options))
end

-- --- the page of what is driven --------------------------------------------------------------------------

---@class moontide.page
---@field url string where it is, with its token
local page_methods = {}

local page_type = { __name = "moontide.page", __index = page_methods }

--- Ends the page: what is driven then is not shown. It ends as well with this process.
function page_methods:close()
  self.live:close()
end

page_type.__close = page_methods.close

function page_type:__tostring()
  return ("page at %s%s"):format(self.url, watch.now == self.live and "" or " (closed)")
end

local page_options = {
  { "port", kind = "integer", min = 0, max = 65535, default = 0 },
  { "host", kind = "string" }, { "token", kind = "string" },
  { "title", kind = "string", default = "moontide" }, { "server_metrics", kind = "flag" },
}

---@class moontide.page_options
---@field port? integer where it listens; 0, the default: any that is free
---@field host? string an address instead of 127.0.0.1; it needs token
---@field token? string 8 to 64 characters: who has it may stop a run; drawn at random
---@field title? string what stands above it
---@field server_metrics? boolean also what the server says of itself, of runs with server_metrics

--- A page in the browser that shows what is driven while it is, as --page of the commands.
--- It is at page.url, has a stop button, and /metrics for Prometheus. All runs, sweeps and searches until
--- page:close() are on it.
---
--- local page <close> = mt.page()  print(page.url)  load:drive{ url = "http://127.0.0.1:8000", model = "m" }
---@param opt? moontide.page_options
---@return moontide.page? page, string? message, string? code
function public.page(opt)
  local values = options.table("page", opt, page_options)
  if watch.now then core.base.raise "page: one is open, which shows all that is driven: close it first" end
  local live = require "moontide.look.live"
  local asked = { page = values.port, page_host = values.host, page_token = values.token,
    server_metrics = values.server_metrics or nil }
  local function in_words(message) -- of the function's own options
    return (message:gsub("^%-%-page: ", ""):gsub("%-%-page%-(%l+)", "%1"))
  end
  local wrong = live.wrong(asked)
  if wrong then calls.refuse("page", in_words(wrong), "usage") end
  local opened, message, code = live.open(asked, values.title)
  if not opened then return calls.refuse("page", in_words(message --[[@as string]]), code) end
  return setmetatable({ live = opened, url = opened.url }, page_type)
end

return { public = public, methods = { { "drive_run", methods }, { "page", page_methods } } }
