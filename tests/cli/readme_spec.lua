-- Every example of the README is run: `lua` blocks that begin with "-- NAME.lua" are files, other `lua`
-- blocks run in the executable, `sh` blocks run line by line in the folder of those files.
local command = require "tests.support.command"

local text = command.read "README.md"

local function blocks_of(language)
  local blocks = {}
  for block in text:gmatch("\n```" .. language .. "\n(.-)\n```") do blocks[#blocks + 1] = block end
  return blocks
end

describe("the README", function()
  local folder, with_path

  setup(function()
    folder = command.folder()
    os.execute(("ln -s '%s' '%s/moontide'"):format(command.binary(), folder))
    with_path = { folder = folder, environment = ("PATH='%s':\"$PATH\""):format(folder) }
    for _, block in ipairs(blocks_of "lua") do
      local name = block:match "^%-%- ([%w_]+%.lua)\n"
      if name then command.write(folder, name, block .. "\n") end
    end
  end)

  teardown(command.remove_folders)

  it("has Lua examples that run", function()
    local ran = 0
    for _, block in ipairs(blocks_of "lua") do
      if not block:find "^%-%- [%w_]+%.lua\n" then
        command.write(folder, "body.lua", block .. "\n")
        command.write(folder, "example.lua", [[return require "moontide".script {
          summary = "an example", run = function() dofile "body.lua" end }]])
        local result = command.run({ "run", "example.lua" }, with_path)
        assert.equal("", result.err)
        assert.equal(0, result.status)
        assert.truthy(#result.out > 0)
        ran = ran + 1
      end
    end
    assert.truthy(ran > 0)
  end)

  it("has commands that run", function()
    local ran = 0
    for _, block in ipairs(blocks_of "sh") do
      for line in block:gmatch "[^\n]+" do
        local result = command.shell("set -e; " .. line, with_path)
        assert.equal(0, result.status, line .. "\n" .. result.err)
        ran = ran + 1
      end
    end
    assert.truthy(ran >= 8)
  end)

  it("names only commands and make targets that there are", function()
    local makefile = command.read "Makefile"
    for target in text:gmatch "`make ([a-z]+)" do
      assert.truthy(("\n" .. makefile):find("\n" .. target .. ":", 1, true), "make " .. target)
    end
    local list = command.run({ "list" }).out
    for row in text:match("\n## Commands(.-)\n## "):gmatch "\n| (`.-) |" do
      for name in row:gmatch "`(%l+)" do
        assert.truthy(("\n" .. list):find("\n%s*" .. name .. "%f[%W]"), name)
      end
    end
  end)
end)
