-- Reads small.jsonl on standard input and writes a log of the same requests as a server would keep it, in
-- BurstGPT's columns: chats were asked of one model, the rest of another.
io.write "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
local count = 0
for line in io.lines() do
  local time, input, output = line:match '"timestamp": (%d+), "input_length": (%d+), "output_length": (%d+)'
  local is_chat = line:find('"session_id"', 1, true)
  io.write(("%.3f,%s,%d,%d,%d,%s\n"):format(time / 1000, is_chat and "chatty" or "worker", input, output,
    input + output, is_chat and "Conversation log" or "API log"))
  count = count + 1
  if count == 60 then break end
end
