--- Figures drawn by gnuplot: a text that it reads, data and all, and the picture that it makes of it.
--
-- gnuplot is a process of its own and only called when a picture is made. Names that come from data stand in
-- single quotes, where gnuplot knows no escapes, and are never "enhanced".
local axis = require "moontide.draw.axis"
local figure = require "moontide.look.figure"
local system = require "moontide.kit.system"

local gnuplot = {}

-- Okabe and Ito's colours, which most colour-blind people tell apart.
local colours = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d00", "#555555" }

-- Pixels of a letter of a key, of what stands beside a name in it, and of the margins left and right.
local letter_width, sample_width, margins = 8, 90, 120

local function quoted(text)
  return "'" .. figure.clean(text):gsub("[%c]", " "):gsub("'", "''") .. "'"
end

local function number(value)
  if value ~= value or value == math.huge or value == -math.huge then return "NaN" end
  return ("%.9g"):format(value)
end

-- The unit of an axis and what its numbers are divided by: minutes or hours where that reads better.
local function unit_of(self)
  if not self.x.is_time then return self.x.unit, 1 end
  local least, most = 0, 0
  for _, series in ipairs(self.series) do
    for _, value in ipairs(series.x) do least, most = math.min(least, value), math.max(most, value) end
  end
  return axis.time_unit(math.max(most, -least))
end

local function data_block(series, name, scale)
  local lines = { ("$%s << EOD"):format(name) }
  for i, x in ipairs(series.x) do
    local line = number(x / scale) .. " " .. number(series.y[i])
    if series.low then line = line .. " " .. number(series.low[i]) end
    if series.labels then line = line .. ' "' .. tostring(series.labels[i]):gsub('["\\%c]', " ") .. '"' end
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = "EOD"
  return table.concat(lines, "\n")
end

local styles = {
  line = "using 1:2 with lines", steps = "using 1:2 with steps", points = "using 1:2 with points pt 7 ps 0.7",
  both = "using 1:2 with linespoints pt 7 ps 0.8",
  band = "using 1:3:2 with filledcurves fs transparent solid 0.25",
}

-- How a line is dashed: those whose colour is there already are told apart by it.
local function dashes(series, place)
  local is_repeated = place > #colours
  return is_repeated and (series.is_dashed and " dt 4" or " dt 3") or series.is_dashed and " dt 2" or ""
end

local function plot_item(series, name, place)
  local kind = series.kind
  if #series.x == 1 and (kind == "line" or kind == "steps") then kind = "points" end
  local is_line = kind ~= "points" and kind ~= "band"
  local text = ("$%s %s lc rgb '%s'%s%s %s"):format(name, styles[kind],
    colours[((series.of or place) - 1) % #colours + 1], is_line and " lw 1.5" or "",
    kind ~= "band" and dashes(series, place) or "",
    series.of and "notitle" or "title " .. quoted(series.name) .. " noenhanced")
  if series.labels then
    text = text .. (", $%s using 1:2:3 with labels offset 0,0.8 noenhanced notitle"):format(name)
  end
  return text
end

local function axis_lines(self, letter, unit, scale)
  local one = self[letter]
  local lines = { ("set %slabel %s noenhanced%s"):format(letter, quoted(figure.axis_text(one, unit)),
    letter == "x" and " offset 0,0.7" or "") }
  if one.scale == "log" then lines[#lines + 1] = ("set logscale %s"):format(letter) end
  local from = one.from or (letter == "y" and one.scale == "linear" and 0) or nil
  if from or one.to then
    lines[#lines + 1] = ("set %srange [%s:%s]"):format(letter, from and number(from / scale) or "*",
      one.to and number(one.to / scale) or "*")
  end
  return table.concat(lines, "\n")
end

local function has_negative(self)
  for _, series in ipairs(self.series) do
    for _, value in ipairs(series.y) do
      if value < 0 then return true end
    end
  end
  return false
end

-- The key below: as many columns as its longest name leaves room for.
local function key_line(self, width)
  local longest = 0
  for _, series in ipairs(self.series) do longest = math.max(longest, utf8.len(series.name)) end
  return ("set key outside bottom center horizontal noenhanced height 0.5 maxcols %d"):format(
    math.max(1, (width - margins) // (longest * letter_width + sample_width)))
end

local function figure_text(self, prefix, width)
  local unit, scale = unit_of(self)
  local parts, items = {}, {}
  for i, series in ipairs(self.series) do
    local name = ("%s_%d"):format(prefix, i)
    parts[#parts + 1] = data_block(series, name, scale)
    items[i] = plot_item(series, name, i)
  end
  parts[#parts + 1] = "reset\nset grid back lt 1 lw 0.6 lc rgb '#dddddd', lt 1 lw 0.3 lc rgb '#e8e8e8'\n"
    .. "set border 3\nset tics nomirror\n" .. key_line(self, width) .. "\nset title " .. quoted(self.title)
    .. " noenhanced"
  parts[#parts + 1] = axis_lines(self, "x", unit, scale)
  parts[#parts + 1] = axis_lines(self, "y", nil, 1)
  if not self.y.from and has_negative(self) then parts[#parts + 1] = "set yrange [*:*]" end
  if self.y.scale == "log" or self.x.scale == "log" then parts[#parts + 1] = "set grid mxtics mytics" end
  parts[#parts + 1] = "plot " .. table.concat(items, ", \\\n     ")
  return table.concat(parts, "\n")
end

-- A terminal of gnuplot's by the ending of a file's name; sizes in pixels but for pdf's, in inches.
local terminals = {
  png = function(width, height)
    return ("pngcairo noenhanced size %d,%d font 'sans,11' background rgb 'white'"):format(width, height)
  end,
  svg = function(width, height)
    return ("svg noenhanced size %d,%d font 'sans,12' background rgb 'white'"):format(width, height)
  end,
  pdf = function(width, height)
    return ("pdfcairo noenhanced size %.2f,%.2f font 'sans,11'"):format(width / 96, height / 96)
  end,
}

--- The ending of a picture's name, where it is one that gnuplot draws or "gnuplot", the text for it.
---@param path string
---@return string? ending
function gnuplot.format(path)
  local ending = path:lower():match "%.(%l+)$"
  return (terminals[ending] or ending == "gnuplot") and ending or nil
end

--- The text that gnuplot reads: figures below each other, of more than two in two columns.
---@param figures moontide.figure[]
---@param path string what the picture is called
---@param format "png"|"svg"|"pdf"
---@return string
function gnuplot.text(figures, path, format)
  local columns = #figures > 2 and 2 or 1
  local rows, width = math.ceil(#figures / columns), columns == 2 and 1600 or 1000
  local parts = { "set encoding utf8",
    "set terminal " .. terminals[format](width, math.max(rows * 420, 500)),
    "set output " .. quoted(path) }
  if #figures > 1 then parts[#parts + 1] = ("set multiplot layout %d,%d"):format(rows, columns) end
  for i, one in ipairs(figures) do parts[#parts + 1] = figure_text(one, "figure" .. i, width // columns) end
  if #figures > 1 then parts[#parts + 1] = "unset multiplot" end
  return table.concat(parts, "\n") .. "\nset output\n"
end

local function shell_word(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Why gnuplot cannot be called, or nil.
---@return string?
function gnuplot.missing()
  local done, how, status = os.execute "command -v gnuplot >/dev/null 2>&1"
  if done then return nil end
  if how == "exit" and (status == 127 or status == 1) then
    return "gnuplot draws it and is not there: the package gnuplot-nox brings it"
  end
  return "gnuplot draws it, and no shell can be started that calls it"
end

-- A folder for what gnuplot is given and gives: among the temporary files, else beside the picture, which has
-- to be written in any case (a container may have nothing else to write in).
local function temporary_folder(path)
  local beside = shell_word((path:match "^.*/" or "./") .. ".moontide-XXXXXX")
  local pipe = io.popen(('mktemp -d "${TMPDIR:-/tmp}/moontide-XXXXXX" 2>/dev/null || mktemp -d %s 2>&1')
    :format(beside))
  local said = pipe and pipe:read "a":gsub("\n$", "") or "no shell can be started"
  if pipe and pipe:close() then return said end
  return nil, ("%s: no folder for what gnuplot draws: %s"):format(path, said)
end

-- Files that are there while gnuplot works.
local function with_files(path, work)
  local folder, trouble = temporary_folder(path)
  if not folder then return nil, trouble, "io" end
  local script, picture, errors = folder .. "/script", folder .. "/picture", folder .. "/errors"
  local result, message, code = work(script, picture, errors)
  for _, file in ipairs { script, picture, errors, folder } do os.remove(file) end
  return result, message, code
end

-- How each kind of picture ends. gnuplot tells of no failed write of an SVG: a full disk would leave half a
-- picture behind.
local endings = { png = "IEND\xAE\x42\x60\x82$", svg = "</svg>%s*$", pdf = "%%%%EOF%s*$" }

-- What keeps the bytes from being a picture, or nil.
local function fault_of(bytes, format, said)
  if bytes == "" or said ~= "" and not bytes:find(endings[format]) then
    return "gnuplot could not draw it: " .. said:gsub("%s+", " "):sub(1, 300)
  end
  return not bytes:find(endings[format]) and "gnuplot did not write all of it: is the disk full?" or nil
end

--- The bytes of the picture that gnuplot makes of figures; nil, message, code.
---@param figures moontide.figure[]
---@param path string what the picture will be called, for messages
---@param format "png"|"svg"|"pdf"
---@return string? bytes, string? message, string? code
function gnuplot.draw(figures, path, format)
  local missing = gnuplot.missing()
  if missing then return nil, path .. ": " .. missing, "io" end
  return with_files(path, function(script, picture, errors)
    local file, message = io.open(script, "wb")
    if not file then return nil, message, "io" end
    local written = file:write(gnuplot.text(figures, picture, format)) and file:close()
    if not written then return nil, script .. ": cannot write", "io" end
    local line = ("gnuplot %s >/dev/null 2>%s"):format(shell_word(script), shell_word(errors))
    local done, how = os.execute(line)
    if how == "signal" then return nil, "interrupted", "interrupted" end
    local bytes, said = system.read(picture), system.read(errors) or ""
    local fault = fault_of(done and bytes or "", format, said)
    if fault then return nil, ("%s: %s"):format(path, fault), "io" end
    return bytes
  end)
end

return gnuplot
