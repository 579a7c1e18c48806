-- What the documents name is there: files, folders, links, C names, make targets, environment variables.
local command = require "tests.support.command"

local function lines_of(shell)
  local pipe = assert(io.popen(shell))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function exists(path)
  return os.rename(path, path) ~= nil
end

-- The documents, by path, without their blocks of code.
local documents = {}
for _, path in ipairs(lines_of "find . -name '*.md' -not -path './build/*' -not -path './.git/*'") do
  documents[path:sub(3)] = command.read(path):gsub("\n```.-\n```", "\n")
end

-- Calls check(word, path) for every `word` of every document whose path fits, and gives how many there were.
local function each_word(pattern, check, where)
  local seen = 0
  for path, text in pairs(documents) do
    for word in text:gmatch "`([^`\n]+)`" do
      if path:find(where or "") and word:find(pattern) then
        seen = seen + 1
        check(word, path)
      end
    end
  end
  return seen
end

local folders = { core = true, lua = true, scripts = true, examples = true, tests = true,
  [".github"] = true, [".ci"] = true }

describe("the documents", function()
  it("are those that a contributor looks for", function()
    for _, path in ipairs { "README.md", "core/README.md", "examples/README.md", ".github/CONTRIBUTING.md",
      ".github/SECURITY.md" } do
      assert.truthy(documents[path], path)
    end
  end)

  it("name files and folders that there are", function()
    local seen = each_word("^%.?%l+/[%w_./-]*$", function(word, path)
      if folders[word:match "^[^/]+"] then assert.is_true(exists(word), path .. ": " .. word) end
    end)
    assert.is_true(seen > 60, seen)
  end)

  it("link to files that there are", function()
    local seen = 0
    for path, text in pairs(documents) do
      for target in text:gmatch "%]%(([^)#]+)" do
        if not target:find "^%a+:" then
          seen = seen + 1
          assert.is_true(exists((path:match "^.*/" or "") .. target), path .. ": " .. target)
        end
      end
    end
    assert.is_true(seen > 10, seen)
  end)

  it("name C functions and types that headers have", function()
    local headers = table.concat(lines_of "cat core/*/*.h core/*/*/*.h", "\n")
    local seen = each_word("^[mM][tT]_[%w_]+$", function(word, path)
      assert.truthy(headers:find("%f[%w_]" .. word .. "%f[^%w_]"), path .. ": " .. word)
    end)
    assert.is_true(seen > 10, seen)
  end)

  it("that stand in comments of the core name files of the core that there are", function()
    local seen = 0
    for _, path in ipairs(lines_of "find core -name '*.[ch]'") do
      for comment in command.read(path):gmatch "/%*.-%*/" do
        for name in comment:gmatch "%f[%w_/][%l_]+/[%l_/]*%.[ch]%f[^%w_]" do
          seen = seen + 1
          assert.is_true(exists("core/" .. name) or exists(name), path .. ": " .. name)
        end
      end
    end
    assert.is_true(seen > 50, seen)
  end)

  it("name make targets that the Makefile has", function()
    local makefile = "\n" .. command.read "Makefile"
    local seen = each_word("^make %l", function(word, path)
      local target = word:match "^make ([%l%d-]+)"
      assert.truthy(makefile:find("\n" .. target .. ":", 1, true), path .. ": " .. word)
    end)
    assert.is_true(seen > 10, seen)
  end)

  it("name environment variables that something reads", function()
    local seen = each_word("^MOONTIDE_%u+", function(word, path)
      local name = word:match "^[%u_]+"
      local found = lines_of("grep -rlE 'getenv ?\\(?\"" .. name .. "\"' core lua tests")
      assert.is_true(#found > 0, path .. ": " .. name)
    end)
    assert.is_true(seen > 3, seen)
  end)

  it("have the core's rooms as the core's README tells them, in the order of the first README", function()
    local function rooms(path, heading, pattern)
      local names = {}
      for name in documents[path]:match("\n## " .. heading .. "\n(.-)\n## "):gmatch(pattern) do
        names[#names + 1] = name
      end
      return names
    end
    local told = rooms("core/README.md", "Rooms", "\n| (%l+) | [^|]+ | `core/")
    assert.same(rooms("README.md", "How the house is laid out", "\n| `core/(%l+)`"), told)
    assert.is_true(#told >= 9)
  end)
end)
