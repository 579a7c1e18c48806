-- What `make install` puts where, and that it works there without this folder; the manual page.
local command = require "tests.support.command"

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function succeeds(line, opts)
  local result = command.shell(line, opts)
  assert.equal(0, result.status, line .. "\n" .. result.err)
  return result
end

describe("make install", function()
  local build = command.binary():match "^(.*)/"
  local place, elsewhere

  setup(function()
    place, elsewhere = command.folder(), command.folder()
    -- The build is as it is: it may have flags that this make does not know.
    succeeds(("env -u MAKEFLAGS -u MAKELEVEL make -s -o all install BUILD=%s PREFIX=/opt/tide DESTDIR=%s")
      :format(quote(build), quote(place)))
  end)

  teardown(command.remove_folders)

  it("puts everything below DESTDIR and PREFIX, readable by all", function()
    local out = succeeds("find . -type f ! -name '*.lua' -printf '%m %p\\n' | sort", { folder = place }).out
    assert.equal([[
644 ./opt/tide/share/man/man1/moontide.1
644 ./opt/tide/share/moontide/LICENSE
644 ./opt/tide/share/moontide/README.md
644 ./opt/tide/share/moontide/examples/README.md
644 ./opt/tide/share/moontide/examples/driving.md
644 ./opt/tide/share/moontide/examples/kubernetes/Containerfile
644 ./opt/tide/share/moontide/examples/kubernetes/README.md
644 ./opt/tide/share/moontide/examples/kubernetes/benchmark_job.yaml
644 ./opt/tide/share/moontide/examples/kubernetes/kustomization.yaml
644 ./opt/tide/share/moontide/examples/kubernetes/merge_job.yaml
644 ./opt/tide/share/moontide/examples/kubernetes/number_of_shards.yaml
644 ./opt/tide/share/moontide/examples/kubernetes/replay_shards.yaml
644 ./opt/tide/share/moontide/examples/other_tools.md
644 ./opt/tide/share/moontide/examples/pictures.md
644 ./opt/tide/share/moontide/examples/planning.md
644 ./opt/tide/share/moontide/examples/prometheus/README.md
644 ./opt/tide/share/moontide/examples/prometheus/dashboard.json
644 ./opt/tide/share/moontide/examples/prometheus/prometheus.yml
644 ./opt/tide/share/moontide/examples/slurm/README.md
644 ./opt/tide/share/moontide/examples/slurm/merge.sbatch
644 ./opt/tide/share/moontide/examples/slurm/shards.sbatch
644 ./opt/tide/share/moontide/examples/synthesis.md
644 ./opt/tide/share/moontide/examples/traces.md
755 ./opt/tide/bin/moontide
755 ./opt/tide/lib/lua/5.4/moontide/core.so
755 ./opt/tide/lib/lua/5.4/moontide/curl.so
755 ./opt/tide/lib/lua/5.4/moontide/drive.so
755 ./opt/tide/lib/lua/5.4/moontide/packing.so
]], (out:gsub("755 %./opt/tide/lib/lua/5%.4/moontide/edit%.so\n", "")))
    assert.equal("", succeeds("find . -name '*.lua' ! -perm 644", { folder = place }).out)
  end)

  it("gives a program that runs anywhere", function()
    local line = ("%s/opt/tide/bin/moontide steady --rate 5 --duration 10s --seed 3 -o -"):format(quote(place))
    local installed = succeeds(line, { folder = elsewhere }).out
    assert.equal(command.run({ "steady", "--rate", "5", "--duration", "10s", "--seed", "3", "-o", "-" }).out, installed)
    local _, lines = installed:gsub("\n", "")
    assert.is_true(lines > 20 and lines < 100)
  end)

  it("gives a program that packs and unpacks wherever it is, and says so where it is alone", function()
    local load = "steady --rate 5 --duration 10s --seed 3 -o "
    local plain = command.run({ "steady", "--rate", "5", "--duration", "10s", "--seed", "3", "-o", "-" }).out
    local program = quote(place) .. "/opt/tide/bin/moontide "
    for _, ending in ipairs { ".gz", ".zst" } do
      succeeds(program .. load .. "packed.jsonl" .. ending, { folder = elsewhere })
      assert.equal(plain, succeeds(program .. "cat packed.jsonl" .. ending, { folder = elsewhere }).out)
    end
    succeeds("cp " .. program .. "alone", { folder = elsewhere })
    local message = "moontide: %s: compressed files need the module packing.so, which is not where this "
      .. "program's modules are\n"
    for name, words in pairs { ["packed.jsonl.gz"] = "cat packed.jsonl.gz", ["new.jsonl.zst"] = load .. "new.jsonl.zst" } do
      local result = command.shell("./alone " .. words, { folder = elsewhere })
      assert.same({ 1, "", message:format(name) }, { result.status, result.out, result.err })
    end
    local function mock_alone()
      local mock = command.shell("./alone mock", { folder = elsewhere })
      return { mock.status, mock.out, mock.err }
    end
    succeeds("mkdir -p lib/moontide && echo no module > lib/moontide/packing.so", { folder = elsewhere })
    local result = command.shell("./alone cat packed.jsonl.zst", { folder = elsewhere })
    assert.same({ 1, "" }, { result.status, result.out })
    assert.truthy(result.err:find "^moontide: packed%.jsonl%.zst: compressed files need a module: .*/lib/moontide/packing%.so: ")
    assert.same({ 1, "", "moontide: there is no module 'moontide.drive' where this program's modules are\n" },
      mock_alone())
    succeeds("echo no module > lib/moontide/drive.so", { folder = elsewhere })
    assert.truthy(mock_alone()[3]:find "^moontide: cannot load the module 'moontide%.drive': .*/drive%.so: [^\n]+\n$")
    assert.equal("alone\nlib\npacked.jsonl.gz\npacked.jsonl.zst\n", succeeds("ls", { folder = elsewhere }).out)
    succeeds("rm -r alone lib", { folder = elsewhere })
  end)

  it("gives a program that loads modules of its own version alone, whatever the program is called", function()
    local installed = place .. "/opt/tide/lib/lua/5.4/moontide/"
    succeeds("mkdir -p lib/moontide && cp " .. quote(place) .. "/opt/tide/bin/moontide other.so", { folder = elsewhere })
    local version = succeeds("./other.so --version", { folder = elsewhere }).out:match "%d+%.%d+%.%d+"
    local nines = version:gsub("%d", "9")
    local function with(module, bytes, words)
      local output <close> = assert(io.open(elsewhere .. "/lib/moontide/" .. module .. ".so", "wb"))
      assert(output:write(bytes))
      assert(output:close())
      local result = command.shell("./other.so " .. words, { folder = elsewhere })
      return { result.status, (result.err:gsub("/%S*/lib/moontide/", "")) }
    end
    for _, one in ipairs {
      { "packing", "cat packed.jsonl.gz -o /dev/null", "packed.jsonl.gz: compressed files need a module: " },
      { "drive", "mock --port 0", "cannot load the module 'moontide.drive': " },
    } do
      local module, words, message = table.unpack(one)
      local whole = command.read(installed .. module .. ".so")
      local another = whole:gsub("([^/])" .. version:gsub("%.", "%%.") .. "\0", "%1" .. nines .. "\0")
      assert.same({ 1, ("moontide: %s%s.so is of Moontide %s, this program of %s\n"):format(message, module,
        nines, version) }, with(module, another, words))
      assert.same({ 1, ("moontide: %s%s.so is no module of Moontide %s\n"):format(message, module, version) },
        with(module, command.read(installed .. "core.so"), words))
    end
    succeeds("cp " .. quote(installed) .. "packing.so lib/moontide", { folder = elsewhere })
    succeeds("./other.so cat packed.jsonl.gz -o /dev/null", { folder = elsewhere })
    succeeds("rm -r other.so lib", { folder = elsewhere })
  end)

  it("starts without the libraries for CSV and JSON, and says so where it needs one that is not there", function()
    succeeds("mkdir libraries && echo no library > libraries/libcsv.so.3 && echo no library > libraries/libcjson.so.1",
      { folder = elsewhere })
    succeeds([[printf 'time,in,out\n0,5,6\n' > log.csv]], { folder = elsewhere })
    local program = ("LD_LIBRARY_PATH=libraries %s/opt/tide/bin/moontide "):format(quote(place))
    local listed = succeeds(program .. "list", { folder = elsewhere }).out
    assert.equal(command.run({ "list" }).out, listed)
    local result = command.shell(program .. "convert log.csv -o log.jsonl", { folder = elsewhere })
    assert.same({ 1, "" }, { result.status, result.out })
    assert.truthy(result.err:find "^moontide: log%.csv: a CSV needs a library: libraries/libcsv%.so%.3: [^\n]+\n$")
    succeeds([[echo 'local mt = require "moontide" return mt.script { summary = "x",
      run = function() print(mt.json.decode("[1]", "x")) end }' > decode.lua]], { folder = elsewhere })
    result = command.shell(program .. "run ./decode.lua", { folder = elsewhere })
    assert.truthy(result.out:find "^nil\tJSON needs a library: libraries/libcjson%.so%.1: [^\n]+\tio\n$",
      result.out .. result.err)
    succeeds("rm -r libraries log.csv decode.lua", { folder = elsewhere })
  end)

  it("gives a module that a stock lua5.4 finds", function()
    if command.read(build .. "/flags"):find("-fsanitize", 1, true) then
      pending "a stock Lua lacks the sanitizers' runtime"
      return
    end
    local paths = ("LUA_PATH='%s/opt/tide/share/lua/5.4/?.lua;%s/opt/tide/share/lua/5.4/?/init.lua'"
      .. " LUA_CPATH='%s/opt/tide/lib/lua/5.4/?.so'"):format(place, place, place)
    local line = paths .. [[ lua5.4 -e 'local mt = require "moontide" print(mt.ramp(2, 4, "1m"):mean())']]
    assert.equal("3.0\n", succeeds(line, { folder = elsewhere }).out)
    line = paths .. [[ lua5.4 -e 'local mt = require "moontide" print(#mt.trace.columns("packed.jsonl.zst") > 20)']]
    assert.equal("true\n", succeeds(line, { folder = elsewhere }).out)
  end)

  it("installs the manual page that the program prints", function()
    local page = command.run { "help", "--man" }
    assert.equal(page.out, command.read(place .. "/opt/tide/share/man/man1/moontide.1"))
    assert.same({ 0, "" }, { page.status, page.err })
  end)
end)

describe("the manual page", function()
  local page = command.run({ "help", "--man" }).out
  local plain = page:gsub("\\%-", "-"):gsub("\\e", "\\"):gsub("\\&", "")

  it("has the sections of a manual page, in their order", function()
    local titles = {}
    for title in page:gmatch "\n%.SH ([^\n]+)" do titles[#titles + 1] = title:gsub('"', "") end
    assert.same({ "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "WORKLOAD OPTIONS", "EXIT STATUS",
      "ENVIRONMENT", "FILES", "SEE ALSO" }, titles)
    assert.truthy(page:find '^%.TH MOONTIDE 1 "" "Moontide %d+%.%d+%.%d+" "User Commands"\n')
    assert.truthy(plain:find "\n%.SH NAME\nmoontide %- %l[^\n]+\n")
  end)

  it("has every command with its summary, its usage and its options, as help has them", function()
    local seen = 0
    for name in command.run({ "list" }).out:gmatch "[^\n]+" do
      name = name:match "^%S+"
      local text = command.run({ "help", name }).out
      local own = plain:match("\n%.SS " .. name:gsub("%-", "%%-") .. "\n(.-)\n%.S[SH] ")
      assert.truthy(own, name)
      assert.equal(text:match "^[^\n]+" .. ".", own:match "^[^\n]+")
      assert.truthy(own:find(text:match "\nusage: ([^\n]+)", 1, true), name)
      local of_workload = plain:match "\n%.SH \"WORKLOAD OPTIONS\"\n(.-)\n%.SH "
      for option in text:gmatch "\n  (%-[^\n]*)" do
        local left = option:match "^(.-)  " or option
        assert.truthy((own .. "\n" .. of_workload .. "\n"):find("\n.B " .. left .. "\n", 1, true), name .. " " .. left)
        seen = seen + 1
      end
    end
    assert.is_true(seen > 100)
  end)

  it("is one, not one a command", function()
    local result = command.run { "help", "--man", "sin" }
    assert.same({ 2, "", "moontide: help: --man is one page for all commands: it takes no NAME\n" },
      { result.status, result.out, result.err })
  end)

  it("has no line that roff would take for a request of its own", function()
    local known = { TH = true, SH = true, SS = true, TP = true, B = true, PP = true, nf = true, fi = true }
    for request in page:gmatch "\n[.']([^%s]*)" do assert.is_true(known[request], request) end
    assert.falsy(page:find "\n\n")
    assert.falsy(page:find "[\128-\255]")
  end)

  it("is rendered without a warning", function()
    if command.shell("command -v groff").status ~= 0 then
      pending "groff is not there"
      return
    end
    local result = succeeds("groff -man -Tascii -ww -P-c -rLL=120n -", { input = page })
    assert.equal("", result.err)
    local text = result.out:gsub(".\b", "")
    assert.truthy(text:find "\n +%-%-fail%-over")
    assert.truthy(text:find("\n       130    interrupted by Ctrl-C;", 1, true))
  end)
end)
