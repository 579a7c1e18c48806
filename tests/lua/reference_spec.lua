-- The reference that help() and `moontide help` show: an example for every name, and every example runs.
local command = require "tests.support.command"
local evaluate = require "moontide.repl.evaluate"
local examples = require "moontide.reference.examples"
local mt = require "moontide"
local reference = require "moontide.reference"
local reference_methods = require "moontide.reference.methods"
local repl_help = require "moontide.repl.help"
local scripts = require "moontide.script.load"

-- Every public function and method by its full name.
local function all_names()
  local names = {}
  for name, value in pairs(mt) do
    if type(value) == "function" then
      names["mt." .. name] = value
    elseif type(value) == "table" and getmetatable(value) == nil then
      for inner, fn in pairs(value) do
        if type(fn) == "function" then names["mt." .. name .. "." .. inner] = fn end
      end
    end
  end
  for _, one in ipairs(reference_methods.types()) do
    for name, fn in pairs(one.methods) do names[one.name .. ":" .. name] = fn end
  end
  return names
end

local function sorted(list)
  local names = {}
  for name in pairs(list) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The example, its folders of results and pictures in a folder of the test's own.
local function elsewhere(text, folder)
  local function beside(name) return '"' .. folder .. "/" .. name end
  for _, name in ipairs { '(results)%f["]', '(run)%f[%d".]', '(s[01])%f["]', '(whole)%f["]' } do
    text = text:gsub('"' .. name, beside)
  end
  return text
end

-- Types an example in a console of its own, line by line; gives how many values it showed or printed.
local function type_in_console(text)
  local environment = scripts.environment "."
  local shown = 0
  evaluate.prepare(environment, { mt = mt, print = function(...)
    for i = 1, select("#", ...) do tostring((select(i, ...))) end
    shown = shown + 1
  end })
  local pending
  for line in (text .. "\n"):gmatch "(.-)\n" do
    pending = pending and pending .. "\n" .. line or line
    local input, message, wants_more = evaluate.read(pending, "=example", 1, environment)
    if input then
      local results = table.pack(evaluate.protected(false, input.run))
      assert.is_true(results[1], results[2] and type(results[2]) == "table" and results[2].message)
      for i = 2, results.n do tostring(results[i]) end
      if results.n > 1 then shown = shown + 1 end
      pending = nil
    else
      assert.is_true(wants_more, message)
    end
  end
  assert.is_nil(pending)
  return shown
end

describe("the example of", function()
  local names = all_names()
  local folder
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)
  for _, name in ipairs(sorted(names)) do
    it(name .. " is there and runs", function()
      local text = examples[name] or examples[name:gsub("^pipe:", "columns:")]
      assert(text, "no example in lua/moontide/reference/examples.lua for " .. name)
      assert.is_true(type_in_console(elsewhere(text, folder)) > 0, "it shows nothing")
      local short = name:match "[%w_]+$"
      assert.is_truthy(text:find(short, 1, true), "it does not use " .. short)
      for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 110, line) end
    end)
  end

  it("no other name is there", function()
    for name in pairs(examples) do assert.is_not_nil(names[name], name .. " is no name of the module") end
  end)
end)

describe("the reference", function()
  it("names functions and methods", function()
    assert.equal("mt.spike", reference_methods.name_of(mt.spike))
    assert.equal("mt.trace.open", reference_methods.name_of(mt.trace.open))
    assert.equal("curve:take", reference_methods.name_of(mt.const(1).take))
    assert.is_nil(reference_methods.name_of(print))
  end)

  it("has a page with text and example for every name", function()
    for name in pairs(all_names()) do
      local text = repl_help.text(name)
      assert.equal(name, text:match "^[%w_.:]+", name)
      assert.is_truthy(text:find("\nexample:\n", 1, true), name)
    end
  end)

  it("knows what functions give and take", function()
    assert.equal("curve", reference_methods.result_of(mt.sine))
    assert.equal("column", reference_methods.result_of(mt.trace.columns().column))
    assert.equal("columns", reference_methods.result_of(mt.trace.read))
    assert.is_nil(reference_methods.result_of(print))
    assert.same({ "at", "height", "rise", "fall" }, reference.option_names(mt.spike))
    assert.same({}, reference.option_names(mt.unique))
  end)

  it("has every subject, with the functions of its part", function()
    for _, subject in ipairs(repl_help.subjects()) do
      local text = repl_help.text(subject)
      assert.is_truthy(text:find "^%u[^\n]+\n", subject)
      assert.is_truthy(text:find "\n  mt%.[%w_.]+ +%u" or text:find "\n  %l+:[%w_]+ +%u"
        or subject == "records" and text:find "\n  run%.json +%l", subject)
    end
  end)
end)

describe("help", function()
  it("has whole what annotations say in several lines", function()
    assert.truthy(reference.text("mt.branch"):find("\n    join%? [^\n]*the first that ends, or none; \"all\"\n"))
    local classes = reference.text "mt.classes"
    assert.truthy(classes:find("\n  list [^\n]*curves must last as long as the stream\n"))
    assert.truthy(classes:find("instead of the stream's\n    fields%? [^\n]*\n  %-> moontide.classes\n"))
  end)

  it("finds words in their plural, and shows long options where the word is", function()
    assert.same(repl_help.search "mask", repl_help.search "masks")
    assert.truthy(table.concat(repl_help.search "masks", "\n"):find("column:above", 1, true))
    local found = 0
    for _, line in ipairs(repl_help.search "root_share") do
      assert.is_true(#line <= 130, line)
      assert.truthy(line:find("root_share", 1, true), line)
      found = found + 1
    end
    assert.equal(1, found)
    assert.same({}, repl_help.search "nonsensical")
  end)
end)
