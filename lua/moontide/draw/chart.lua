--- Charts in the terminal: lines over time and horizontal bars, as text.
--
-- A style says what may be used: { utf8 =, colour =, columns = }. chart.style() finds the one for
-- standard output: braille dots and blocks where the locale is UTF-8 and the terminal is not "dumb",
-- ASCII elsewhere and with NO_COLOR, which asks for plain text; colour only for several series on a
-- terminal.
local core = require "moontide.core"
local axis = require "moontide.draw.axis"
local line = require "moontide.draw.line"
local styles = require "moontide.draw.style"
core.base.own()

local chart = {
  style = styles.current, picture = styles.picture, number = axis.number,
  line = line.draw, bins = line.bins, bars = require "moontide.draw.bars",
  hist = require "moontide.draw.histogram",
}

--- What a script author sees as mt.chart.
---@class moontide
local public = { chart = { line = chart.line, bars = chart.bars, hist = chart.hist } }
chart.public = public

return chart
