-- What Tab knows, and that knowing it runs nothing.
local complete = require "moontide.repl.complete"
local evaluate = require "moontide.repl.evaluate"
local mt = require "moontide"
local scripts = require "moontide.script.load"
local tokens = require "moontide.repl.tokens"

local environment = scripts.environment "."
evaluate.prepare(environment, { mt = mt })
environment.rate = mt.const(5)
environment.load = mt.plan_of "steady"
environment.columns = mt.trace.columns { { timestamp = 0, input_length = 5 } }
environment.name = "a text"
environment.tree = { branch = { leaf = 1, ["not a name"] = 2 }, _hidden = 3 }
environment.mute = setmetatable({ plain = 1 }, {
  __index = function() error "evaluated" end, __len = function() error "evaluated" end,
  __tostring = function() error "evaluated" end, __pairs = function() error "evaluated" end,
})
environment.heir = setmetatable({}, { __index = setmetatable({ inherited = 1 }, { __index = { far = 2 } }) })

local folders = {
  ["."] = { "data.jsonl", "data2.jsonl", "dir/", ".hidden", "my.lua", "od\27[2Jd" }, ["dir/"] = { "inner.jsonl" },
  ["/abs/"] = { "x.csv" },
}

local function list_folder(path) return folders[path] or {} end

-- The names offered, sorted, in one text.
local function offered(before, pending)
  local names = {}
  for name in pairs((complete.candidates(before, pending, environment, list_folder))) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end

describe("completion offers", function()
  local known = {
    { "names of the module", "mt.sp", "spike" }, { "tables of it", "mt.js", "json" },
    { "what is in them", "mt.json.", "array decode encode null object" },
    { "names of the session", "print(ra", "rate rawequal rawget rawlen rawset" }, { "keywords", "whi", "while" },
    { "fields", "tree.branch.", "leaf" }, { "fields through __index", "heir.", "far inherited" },
    { "methods", "rate:s", "scale_to shift speed stretch" }, { "methods as fields", "rate.ta", "take" },
    { "methods of a string", "name:up", "upper" }, { "methods of a literal", "('x'):re", "rep reverse" },
    { "methods of columns", "columns:pl", "plot" },
    { "only what can be called after a colon", "tree:", "" },
    { "methods of what a call gives", "mt.sine{ mean = 5 }:pl", "plot" },
    { "of a chain of calls", "mt.ramp(0, (1 + 2), 3):loop():take('1m'):pl", "plot" },
    { "of a call with a string", "mt.trace.read 'x':req", "requests" },
    { "of what a method gives", "load:columns():column('turn'):me", "mean" },
    { "of a sum", "(10 + mt.spike{ at = 1, height = 2 }):cla", "clamp" },
    { "options", "mt.spike{ ", "at fall height rise" }, { "options that begin so", "mt.spike{ at = 1, h", "height" },
    { "options not given yet", "mt.spike{ at = 1, height = 2, ", "fall rise" },
    { "options in brackets", "mt.spike({ ri", "rise" }, { "options of a method", "load:plot{ num", "num_requests" },
    { "options of a later argument", "load:write('x', { dur", "duration" },
    { "options of the last of several", "mt.compare('a', 'b', { ca", "cache_sizes" },
    { "no options in a table inside a list", "mt.mix({ 1, { ", "" },
    { "options of the innermost table", "mt.workload{ name = 'x', mt.stream{ arr", "arrivals" },
    { "names for values", "mt.spike{ at = ra", "rate rawequal rawget rawlen rawset" },
    { "names inside a list", "mt.workload{ loa", "load loadfile" },
    { "no options in a plain table", "x = { heigh", "" }, { "no options in a table of a table", "mt.parts{ { ", "" },
    { "files after read", "mt.trace.read 'dat", "data.jsonl data2.jsonl" },
    { "files of logs", "mt.convert('dat", "data.jsonl data2.jsonl" },
    { "files of what is learnt", "mt.model.learn 'dat", "data.jsonl data2.jsonl" },
    { "no files that would drive the terminal", "io.open 'od", "" },
    { "files in brackets", 'load:write("d', "data.jsonl data2.jsonl dir/" },
    { "files in folders", "mt.trace.open('dir/", "dir/inner.jsonl" },
    { "files by absolute path", 'mt.csv.open "/abs/', "/abs/x.csv" },
    { "hidden files when asked", "io.open '.h", ".hidden" }, { "scripts after plan_of", "mt.plan_of 'bu", "burst" },
    { "no files in other strings", "print 'dat", "" }, { "no files in a second argument", "load:write('x', 'dat", "" },
    { "subjects of help", "help 'cur", "curves" }, { "dot commands", ".s", ".save .seed" },
    { "scripts after .load", ".load bu", "burst" }, { "files after .load", ".lo my", "my.lua" },
    { "files after .save", ".save m", "my.lua" }, { "on and off", ".time o", "off on" },
    { "nothing in a comment", "-- mt.s", "" }, { "nothing in a long string", "x = [[ mt.s", "" },
    { "nothing after a number", "5.", "" }, { "nothing of what is not there", "nosuch.thing.", "" },
    { "nothing of a call of something unknown", "tree.branch.leaf():", "" },
    { "what stands after a whole string", "print('mt.', mt.spi", "spike" },
    { "what stands after a comment", "--[[ x ]] mt.spi", "spike" },
    { "no name of its own", "__moontide", "" }, { "metamethods when asked", "mt.__", "" },
  }
  for _, case in ipairs(known) do
    it(case[1], function() assert.equal(case[3], offered(case[2])) end)
  end

  it("options over several lines", function()
    assert.equal("height", offered("  hei", "mt.spike{\n  at = 5,"))
    assert.equal("", offered(".s", "x = {"))
  end)
end)

describe("completion", function()
  local function tab(before) return complete.complete(before, nil, environment, list_folder, 80) end

  it("inserts what is certain", function()
    assert.same({ "ke" }, { tab "mt.spi" })
    assert.same({ "ght = " }, { tab "mt.spike{ hei" })
    assert.same({ "a" }, { tab "mt.trace.read 'dat" })
    assert.same({ "onl'" }, { tab "mt.trace.read 'dir/inner.js" })
    assert.same({ "d " }, { tab ".loa" })
    assert.same({ "r/" }, { tab "io.open 'di" })
  end)

  it("lists what is not, in columns", function()
    assert.same({ n = 2, [2] = "data.jsonl   data2.jsonl" }, table.pack(tab "mt.trace.read 'data"))
    local _, list = complete.complete("mt.", nil, environment, list_folder, 40)
    for line in list:gmatch "[^\n]+" do assert.is_true(#line <= 40, line) end
    assert.is_truthy(list:find "spike")
  end)

  it("indents an empty line", function() assert.same({ "  " }, { tab "" }) end)
  it("knows nothing of nonsense", function() assert.same({ n = 1 }, table.pack(tab "nosuch.")) end)

  it("evaluates nothing", function()
    assert.equal("plain", offered "mute.")
    assert.equal("", offered "mute.nosuch.")
    assert.equal("", offered "mute:")
    local called = false
    environment.danger = function() called = true return environment end
    offered "danger()."
    offered "danger{ x"
    offered "danger():x"
    assert.is_false(called)
  end)

  it("survives any text", function()
    local random = mt.random(7, "texts")
    local pieces = { "mt", ".", ":", "{", "}", "(", ")", "[", "]", "[[", "]]", "--", "'", '"', "\\", " ", "\n", ",", "=", "spike",
      "rate", "5", "..", "\xC3", "function", "read" }
    for _ = 1, 3000 do
      local text = ""
      for _ = 1, 1 + random:below(12) do text = text .. pieces[1 + random:below(#pieces)] end
      complete.complete(text, random:below(2) == 1 and "mt.spike{" or nil, environment, list_folder, 80)
    end
  end)
end)

describe("tokens", function()
  it("are told apart", function()
    local list = tokens.of "local x = { [1] = 'a\\'b', c = [=[ ] ]] ]=] } -- end\ny(0x1F, .5e3).z"
    local texts = {}
    for i, token in ipairs(list) do texts[i] = token.text end
    assert.equal("local x = { [ 1 ] = 'a\\'b' , c = [=[ ] ]] ]=] } y ( 0x1F , .5e3 ) . z", table.concat(texts, " "))
    assert.same({}, list.open)
  end)

  it("know what is open at the cursor", function()
    assert.equal("string", tokens.of("print 'x").inside)
    assert.equal("string", tokens.of("print [[x").inside)
    assert.equal("comment", tokens.of("x = 1 -- y").inside)
    assert.equal("comment", tokens.of("x = 1 --[[ y\n").inside)
    assert.equal(2, #tokens.of("f{ ( }").open + #tokens.of("f{ (").open - 1)
  end)
end)
