--- `moontide cat --to NAME` and `--texts`: a trace as another tool reads it, with what that tool cannot have
-- told. A dialect is how it wants sessions ("delta" rows, or whole prompts), whether it wants texts, and a
-- function that makes the row of a request; what that drops it notes with lose().
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"

local hand_over = {}

-- --- one request -----------------------------------------------------------------------------------

-- What is on its way: seed, block_size, texts (of drive), seen (sessions), lost (counts), rows.
local function lose(to, what)
  if not to.lost[what] then to.losses[#to.losses + 1] = what end
  to.lost[what] = (to.lost[what] or 0) + 1
end

local function members_of(request)
  return request.extra and json.decode(request.extra) or {}
end

-- All members beside the trace's own are lost, but for these.
local function lose_members(to, request, kept)
  for _, name in ipairs(lists.sorted_keys(members_of(request))) do
    if not (kept and kept[name]) then lose(to, ("member '%s'"):format(name)) end
  end
  if request.stream then lose(to, "stream") end
end

local function is_first_turn(to, request)
  if request.session_id == nil then return true end
  local is_first = not to.seen[request.session_id]
  to.seen[request.session_id] = true
  return is_first
end

-- A time as an integer where it is whole, else as short as a trace writes it: 29.069 ms are 0.029069 s, not
-- 0.029068999999999998.
local function number(value)
  if not value then return nil end
  return math.tointeger(value) or tonumber(("%.15g"):format(value))
end

local function line(members)
  local present = {}
  for _, member in ipairs(members) do
    if member[2] ~= nil then present[#present + 1] = member end
  end
  return json.encode(json.object(present)) .. "\n"
end

-- The messages that replay would send; nil, message, code.
local function messages_of(to, request)
  local session = request.session_id ~= nil and tostring(request.session_id) or nil
  local body, message, code = to.texts:body(request, session, to.rows)
  if not body then
    return nil, ("request %d: %s"):format(to.rows, message), code
  end
  return json.decode(body).messages
end

-- They as one text.
local function text_of(messages)
  local texts = {}
  for i, one in ipairs(messages) do
    if type(one.content) ~= "string" then return nil end
    texts[i] = one.content
  end
  return table.concat(texts, "\n")
end

-- The text of a prompt, for tools that know no sessions and times.
local function prompt_of(to, request)
  local messages, message, code = messages_of(to, request)
  if not messages then return nil, message, code end
  local text = text_of(messages)
  if not text then return nil, ("request %d: its messages are no plain texts"):format(to.rows), "input" end
  if request.session_id ~= nil then lose(to, "sessions (each turn is a prompt by itself)") end
  return text
end

-- --- the dialects ----------------------------------------------------------------------------------

-- Members that AIPerf's rows have beside ours; all others go into `extra`, which it merges into the body.
local of_aiperf = { text_input = true, messages = true, tools = true, payload = true, extra = true,
  message_mode = true }

local function aiperf(to, request)
  local is_first, own, more = is_first_turn(to, request), members_of(request), {}
  for name, value in pairs(own) do
    if not of_aiperf[name] then more[name] = value end
  end
  for name, value in pairs(type(own.extra) == "table" and own.extra or {}) do more[name] = value end
  if request.stream then lose(to, "stream") end
  if is_first and request.delay then lose(to, "delay of a first turn") end
  local has_prompt = own.text_input or own.messages or own.payload
  local text
  if to.has_texts and not has_prompt then
    local messages, message, code = messages_of(to, request)
    if not messages then return nil, message, code end
    text = messages[#messages].content -- a delta row: the turn's own words
  end
  local is_made = not text and not has_prompt
  local goes_by_delay = not is_first and request.delay
  return line {
    { "timestamp", not goes_by_delay and number(request.timestamp) or nil },
    { "input_length", is_made and request.input_length or nil },
    { "output_length", request.output_length },
    { "hash_ids", is_made and request.hash_ids and json.array(request.hash_ids) or nil },
    { "text_input", text or own.text_input }, { "messages", own.messages }, { "tools", own.tools },
    { "payload", own.payload }, { "message_mode", own.message_mode },
    { "session_id", request.session_id ~= nil and tostring(request.session_id) or nil },
    { "delay", goes_by_delay and number(request.delay) or nil },
    { "extra", next(more) and more or nil },
  }
end

local of_dynamo = { priority = true, strict_priority = true, policy_class = true, request_id = true,
  wait_for = true, branches = true, prefix_reset = true, tool_wait_ms = true, request_kind = true }

local function dynamo(to, request)
  for _, name in ipairs { "output_length", "hash_ids" } do
    if not request[name] then
      return nil, ("request %d has no %s, which dynamo needs%s"):format(to.rows, name,
        name == "hash_ids" and " (cat --fit-ids adds them)" or ""), "input"
    end
  end
  local is_first, own = is_first_turn(to, request), members_of(request)
  lose_members(to, request, of_dynamo)
  local waits = not is_first or own.wait_for ~= nil -- a sub-agent's first turn waits for what started it
  if request.delay and not waits then lose(to, "delay of a first turn") end
  local members = { { "request_id", own.request_id or ("r%d"):format(to.rows) },
    { "timestamp", number(request.timestamp) }, { "input_length", request.input_length },
    { "output_length", request.output_length }, { "hash_ids", json.array(request.hash_ids) },
    { "session_id", request.session_id ~= nil and tostring(request.session_id) or nil },
    { "delay", waits and number(request.delay) or nil } }
  for _, name in ipairs { "priority", "strict_priority", "policy_class", "wait_for", "branches",
    "prefix_reset", "tool_wait_ms", "request_kind" } do
    members[#members + 1] = { name, own[name] }
  end
  return line(members)
end

-- A row of Mooncake's: each request by itself, at its time in `unit` milliseconds.
local function mooncake(to, request, unit)
  if not request.timestamp then
    return nil, ("request %d has no timestamp (cat --times-from-delays gives turns one)"):format(to.rows),
      "input"
  end
  if request.session_id ~= nil then lose(to, "sessions (each turn comes at its own time)") end
  lose_members(to, request)
  return line { { "timestamp", number(request.timestamp / unit) }, { "input_length", request.input_length },
    { "output_length", request.output_length },
    { "hash_ids", request.hash_ids and json.array(request.hash_ids) or nil } }
end

-- A row with a prompt and how many tokens the answer has, under other names in each tool.
local function prompt_row(to, request, names)
  local text, message, code = prompt_of(to, request)
  if not text then return nil, message, code end
  if request.timestamp then lose(to, "timestamps") end
  lose_members(to, request, { text_input = true, messages = true })
  local members = { { "prompt", text } }
  if names.input then members[2] = { names.input, request.input_length } end
  members[#members + 1] = { names.output, request.output_length }
  return line(members)
end

local function guidellm(to, request)
  if not to.has_texts then return mooncake(to, request, 1000) end
  return prompt_row(to, request, { input = "prompt_tokens_count", output = "output_tokens_count" })
end

-- A prompt a line.
local function genai_bench(to, request)
  local text, message, code = prompt_of(to, request)
  if not text then return nil, message, code end
  if request.timestamp then lose(to, "timestamps") end
  if request.output_length then lose(to, "output lengths (--traffic-scenario has one for all)") end
  lose_members(to, request, { text_input = true, messages = true })
  return text:gsub("[\r\n]+", " "):gsub("^ +", "") .. "\n"
end

-- Conversations are written when all of them are known.
local function sharegpt(to, request)
  local messages, message, code = messages_of(to, request)
  if not messages then return nil, message, code end
  if request.timestamp then lose(to, "timestamps") end
  if request.delay then lose(to, "delays") end
  lose_members(to, request, { text_input = true, messages = true })
  local name = request.session_id ~= nil and "s" .. tostring(request.session_id) or "r" .. to.rows
  local talk = to.talks[name]
  if not talk then
    talk = { name = request.session_id ~= nil and tostring(request.session_id) or ("%d"):format(to.rows) }
    to.talks[name], to.talks[#to.talks + 1] = talk, talk
  end
  talk[#talk + 1] = { from = "human", value = messages[#messages].content }
  talk[#talk + 1] = { from = "gpt", value = to.texts:words(to.rows, request.output_length or 0) }
  return ""
end

local function talks_text(to)
  local items = {}
  for i, talk in ipairs(to.talks) do
    local turns = {}
    for k, turn in ipairs(talk) do
      turns[k] = json.object { { "from", turn.from }, { "value", turn.value } }
    end
    items[i] = json.encode(json.object { { "id", talk.name }, { "conversations", json.array(turns) } })
  end
  return "[" .. table.concat(items, ",\n") .. "]\n"
end

local function with_texts(to, request)
  local own = members_of(request)
  if own.text_input or own.messages or own.payload then return true end
  local messages, message, code = messages_of(to, request)
  if not messages then return nil, message, code end
  -- One message is a text; more are the conversation.
  local member = #messages == 1 and { "text_input", messages[1].content } or { "messages", messages }
  local text = json.encode(json.object { member })
  request.extra = request.extra and request.extra ~= "{}"
    and text:sub(1, -2) .. ", " .. request.extra:sub(2) or text
  return true
end

local dialects = {
  aiperf = { row = aiperf, rows = "delta" },
  dynamo = { row = dynamo, rows = "cumulative" },
  vllm = { rows = "cumulative", needs_texts = true,
    row = function(to, request) return prompt_row(to, request, { output = "output_tokens" }) end },
  guidellm = { row = guidellm, rows = "cumulative" },
  ["inference-perf"] = { rows = "cumulative",
    row = function(to, request) return mooncake(to, request, 1) end },
  ["genai-bench"] = { row = genai_bench, rows = "cumulative", needs_texts = true },
  sharegpt = { row = sharegpt, rows = "cumulative", needs_texts = true, ending = talks_text },
}

--- Their names, in the order of the help.
hand_over.names = { "aiperf", "dynamo", "vllm", "guidellm", "inference-perf", "genai-bench", "sharegpt" }

-- --- all of them -----------------------------------------------------------------------------------

local function tell(to, name)
  for i, what in ipairs(to.losses) do
    to.losses[i] = ("%s of %d"):format(what, to.lost[what])
  end
  if #to.losses > 0 then
    report.warning(("%s has no place for: %s"):format(name, table.concat(to.losses, ", ")))
  end
  if name ~= "texts" and to.block_size and not to.has_texts then
    report.note(("%s: blocks of %d tokens: say so to the tool"):format(name, to.block_size))
  end
end

-- Writes each request: how many, or nil, message, code.
local function write_all(to, source, writer, dialect)
  while true do
    local request, message, code = core.source.next(source)
    if not request then
      if message then return nil, message, code end
      break
    end
    to.rows = to.rows + 1
    if not dialect then
      local done
      done, message, code = with_texts(to, request)
      if done then done, message, code = writer:write(request) end
      if not done then return nil, message, code end
    else
      local row
      row, message, code = dialect.row(to, request)
      if not row then return nil, message, code end
      local done
      done, message, code = writer:text(row)
      if not done then return nil, message, code end
    end
  end
  if dialect and dialect.ending then
    local done, message, code = writer:text(dialect.ending(to))
    if not done then return nil, message, code end
  end
  return to.rows
end

--- Is it asked for?
---@param opt table
---@return boolean
function hand_over.is_wanted(opt)
  return opt.to ~= nil or opt.texts == true
end

--- Writes the trace to the writer, which stays open.
---@param trace moontide.pipe
---@param writer moontide.writer
---@param opt table to, texts, seed, block_size, sessions
---@return integer? written, string|table message_or_run, string? code
function hand_over.write(trace, writer, opt)
  local dialect = opt.to and dialects[opt.to]
  local to = { seen = {}, lost = {}, losses = {}, talks = {}, rows = 0,
    has_texts = opt.texts or dialect and dialect.needs_texts or false }
  local block_size = opt.reblock or opt.block_size
  local sized = pipe.in_blocks(trace, block_size, function(size) to.block_size = size end)
  if dialect and not opt.sessions_to and not to.has_texts then
    sized = sized:sessions { to = dialect.rows, from = opt.sessions, block_size = block_size }
  end
  local written, message, code = pipe.read(sized, function(source)
    to.texts = to.has_texts and require("moontide.drive").texts(opt.seed, to.block_size) or nil
    return write_all(to, source, writer, dialect)
  end)
  if not written then return nil, message, code end
  tell(to, opt.to or "texts")
  return written, { filters = {} }
end

return hand_over
