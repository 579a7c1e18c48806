--- The manual page, `moontide help --man`: roff made from the texts that `moontide help` prints, so that
--- there is nothing to keep in step. `make install` puts it where man(1) finds it.
require "moontide" -- it knows the kinds of the common options
local common = require "moontide.script.common"
local core = require "moontide.core"
local help = require "moontide.command.help"
local scripts = require "moontide.script.load"

local man = {}

-- A text as roff reads it: backslashes and hyphens as they are, no line that looks like a request, a
-- paragraph after an empty line.
local function escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n([.'])", "\n\\&%1"):gsub("\n\n", "\n.PP\n")
  return (text:gsub("^[.']", "\\&%0"))
end

-- .TP: what is explained, in bold, and its explanation.
local function entry(lines, left, text)
  lines[#lines + 1] = ".TP\n.B " .. escaped(left)
  lines[#lines + 1] = text ~= "" and escaped(text) or "\\&"
end

local function heading(lines, title, text)
  lines[#lines + 1] = ".SH " .. title
  if text then lines[#lines + 1] = escaped(text) end
end

-- Lines that stay as they are.
local function verbatim(lines, text)
  lines[#lines + 1] = ".nf\n" .. escaped(text) .. "\n.fi"
end

-- The options that a script with any plan has, by their words.
local function workload_texts()
  local texts, list = {}, common.of_script { options = {}, timestamp_digits = 3 }
  for _, option in ipairs(list) do
    local left, text = help.of_option(option)
    texts[left] = text
  end
  return texts, list
end

local function add_options(lines, list, known)
  for _, option in ipairs(list) do
    local left, text = help.of_option(option)
    if not option.hidden and known[left] ~= text then entry(lines, left, text) end
  end
end

-- One command. Of the workload's options only those that it has in another way.
local function add_command(lines, name, of_workload)
  local self = scripts.load(scripts.find(name) --[[@as moontide.source]])
  lines[#lines + 1] = ".SS " .. name
  lines[#lines + 1] = escaped(self.summary .. ".")
  lines[#lines + 1] = ".PP"
  verbatim(lines, help.usage_of(self):gsub("\n *", "\n"))
  add_options(lines, self.options, {})
  if not self.plan then return end
  add_options(lines, common.of_script(self), of_workload)
  for _, option in ipairs(self.options) do
    if option.stands_for then
      local text = ("--%s takes the place of the workload option --%s."):format(option[1], option.stands_for)
      lines[#lines + 1] = ".PP\n" .. escaped(text)
    end
  end
  lines[#lines + 1] = ".PP\nAll other workload options (see below) are taken too."
end

local exit_status = {
  { "0", "done" },
  { "1", "failed: a script's error, a missing input, a bad line, --fail-over exceeded, findings of lint" },
  { "2", "wrong usage: an unknown command or option, a value that an option cannot have" },
  { "130", "interrupted by Ctrl-C; the whole requests so far are in FILE.part" },
}

local environment = {
  { "MOONTIDE_HOME", "a folder with lua/ and scripts/ to be read in place of those inside the program" },
  { "MOONTIDE_TRACEBACK", "1: an error in a script is shown with the stack" },
  { "NO_COLOR", "any text: charts in plain ASCII, without colours" },
  { "COLUMNS", "how wide charts are (default: as the terminal, else 80)" },
  { "TMPDIR", "folder of temporary files: what sorting cannot keep in memory, for one (default: /tmp)" },
}

local files = {
  { "~/.config/moontide/init.lua", "run when `moontide repl` starts; $XDG_CONFIG_HOME replaces ~/.config" },
  { "~/.local/state/moontide/history", "what was typed there; $XDG_STATE_HOME replaces ~/.local/state" },
}

local function add_table(lines, title, rows)
  heading(lines, title)
  for _, row in ipairs(rows) do entry(lines, row[1], row[2] .. ".") end
end

local description = [[
Moontide makes traffic for LLM serving: request traces in the Mooncake format, whose rate, lengths and
shared prefixes behave like the real thing. They come from short Lua scripts, from logs of real servers,
and from what was learnt of other traces. The same seed gives the same bytes.

Every command is a Lua script, and `moontide help NAME --source` prints it. A name with a slash or ending
in .lua is a file, else a command. Results go to standard output, everything else to standard error.]]

--- The page, for man(1) and groff(1).
---@return string
function man.page()
  local title, usage = help.overview():match "^Moontide: (.-)%.\n\nusage: (.-)\n\n"
  local lines = { ('.TH MOONTIDE 1 "" "Moontide %s" "User Commands"'):format(core.version) }
  heading(lines, "NAME", "moontide - " .. title)
  heading(lines, "SYNOPSIS")
  verbatim(lines, (usage:gsub("\n *", "\n")))
  heading(lines, "DESCRIPTION", description)
  heading(lines, "COMMANDS")
  local texts, list = workload_texts()
  for _, name in ipairs(help.ordered_names()) do add_command(lines, name, texts) end
  heading(lines, '"WORKLOAD OPTIONS"', "Every script with a plan takes these, bundled or your own.")
  add_options(lines, list, {})
  add_table(lines, '"EXIT STATUS"', exit_status)
  add_table(lines, "ENVIRONMENT", environment)
  add_table(lines, "FILES", files)
  heading(lines, '"SEE ALSO"', "lua5.4(1); README.md and examples/ in the installation's share/moontide")
  return table.concat(lines, "\n") .. "\n"
end

return man
