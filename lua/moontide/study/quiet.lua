--- Between two runs: the server has nothing to do any longer.
local drive = require "moontide.drive"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local quiet = {}

local look_every = 0.2 -- seconds

-- What a look at a server's metrics says; nil when it says nothing.
local function look(url)
  local scraper <close> = drive.scraper(url, 3600)
  local looks = scraper and scraper:stop()
  return looks and looks[#looks]
end

-- Requests that run or wait there; nil where nobody tells.
local function busy(url)
  local said = look(url)
  if not said or not said.running then return nil end
  return said.running + (said.waiting or 0)
end

-- Where servers tell: as asked, else at each http:// URL.
local function metrics_urls(opt)
  if opt.server_metrics then return { opt.server_metrics } end
  local urls, seen = {}, {}
  for _, url in ipairs(opt.url) do
    local read = drive.url(url)
    if read and not read.secure and not seen[read.host] then
      seen[read.host] = true
      urls[#urls + 1] = "http://" .. read.host
    end
  end
  return urls
end

--- Waits until the server has nothing to do, where its metrics tell (at most opt.grace seconds), and for a
--- further while. Gives nil after Ctrl-C.
---@param opt table driving options
---@param settle number seconds of rest after that
---@return true?
function quiet.wait(opt, settle)
  for _, url in ipairs(metrics_urls(opt)) do
    local stop_at, left = drive.now() + math.floor(opt.grace * 1e9), busy(url)
    while left and left > 0 and drive.now() < stop_at do
      report.progress(("waiting for %s, which has %s"):format(url, texts.count(left, "request")))
      if not drive.sleep(look_every) then return nil end
      left = busy(url)
    end
    report.finish()
    if left and left > 0 then
      report.note(("%s still has %s after %.9g s"):format(url, texts.count(left, "request"), opt.grace))
    end
  end
  return drive.sleep(settle) or nil
end

return quiet
