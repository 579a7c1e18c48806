--- The report: what a command line names becomes one page.
local notes = require "moontide.kit.report"
local page = require "moontide.look.page"
local subject = require "moontide.look.subject"
local target = require "moontide.trace.target"

local report = {}

-- What makes the document of subjects of a kind, and what looks deeper into one before.
local pages = { trace = "trace_page", plan = "trace_page", run = "run_page", sweep = "sweep_page" }

--- The document of subjects of one kind.
---@param subjects moontide.look_subject[]
---@param opt table block_size, skip_bad_lines
---@return moontide.page_document? document, string? message, string? code
function report.document(subjects, opt)
  local maker = require("moontide.look." .. pages[subjects[1].kind])
  for _, one in ipairs(maker.lint and subjects or {}) do
    local done, message, code = maker.lint(one, opt)
    if not done then return nil, message, code end
  end
  return maker.document(subjects, opt)
end

--- Writes the page of what the words name: the file is there whole, or as it was.
---@param words string[] files, and the own options of a script
---@param path string "-" is standard output
---@param opt table block_size, skip_bad_lines; expect, service, step
---@return integer? bytes, string? message, string? code
function report.write(words, path, opt)
  local drive = require "moontide.drive"
  local replaced = path ~= "-" and target.replaced(path, words)
  if replaced then
    local message = "the page would replace %s: say where else it goes with --output-file"
    return nil, message:format(replaced), "usage"
  end
  if path ~= "-" then
    local can, message, code = drive.can_write(path)
    if not can then return nil, message, code end
  end
  local subjects, message, code = subject.all(words, opt)
  if not subjects then return nil, message, code end
  local judged
  judged, message, code = subject.judge(subjects, opt)
  if not judged then return nil, message, code end
  local document
  document, message, code = report.document(subjects, opt)
  if not document then return nil, message, code end
  local html = page.html(document)
  if path == "-" then
    notes.write_out(html)
    return #html
  end
  local done
  done, message, code = drive.write_file(path, html)
  if not done then return nil, message, code end
  return #html
end

return report
