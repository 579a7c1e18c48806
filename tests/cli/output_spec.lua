-- What becomes of output files, through the real binary: devices, links, full disks, Ctrl-C.
local command = require "tests.support.command"
local mock = require "tests.support.mock"

local folder

local function file(name, text)
  return command.write(folder, name, text)
end

local function shell(line)
  return command.shell(line, { folder = folder })
end

local function read(name)
  return command.read(folder .. "/" .. name)
end

-- The entries of the folder, in order, in one text.
local function entries()
  return (shell("ls -A | tr '\\n' ' '").out)
end

local function is_root()
  return shell("test $(id -u) = 0").status == 0
end

-- A shell line that starts cat on a named pipe, feeds it two whole requests and one half, waits until
-- it has read them, sends it signals, and gives its status.
local function interrupted_cat(signals, target)
  return shell(([[
    mkfifo in || exit 99
    env --default-signal=INT --default-signal=TERM "$MOONTIDE" cat in -o %s 2>err &
    cat=$!
    exec 3<>in
    printf '{"timestamp": 1}\n{"timestamp": 2}\n{"times' >&3
    sleep 0.2
    for i in $(seq 500); do
      grep -q '^State:.S' /proc/$cat/status && break
      sleep 0.01
    done
    %s
    wait $cat
    echo "status $?"
    cat err
  ]]):format(target, signals))
end

describe("output", function()
  before_each(function()
    folder = command.folder()
    file("in.jsonl", '{"timestamp": 1}\n')
  end)
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("replaces a regular file, keeps its mode, and follows links", function()
    file("old", "before")
    assert.equal(0, shell("chmod 604 old && ln -s old link && $MOONTIDE cat in.jsonl -o link").status)
    assert.equal('{"timestamp": 1}\n', read "old")
    assert.equal("604\n", shell("stat -c %a old").out)
    assert.equal("in.jsonl link old ", entries())
    assert.equal(0, shell("test -L link").status)
  end)

  it("writes devices and pipes as they are", function()
    local made = shell("mknod null c 1 3 && { : > null; } 2>/dev/null")
    if made.status == 0 then
      assert.same({ status = 0, out = "", err = "moontide: null: 1 request\n" }, shell "$MOONTIDE cat in.jsonl -o null")
      assert.equal(0, shell("test -c null").status)
    end
    local result = shell "mkfifo pipe; cat pipe & $MOONTIDE cat in.jsonl -o pipe; wait; test -p pipe"
    assert.same({ status = 0, out = '{"timestamp": 1}\n', err = "moontide: pipe: 1 request\n" }, result)
    -- Not from the start of what standard output is redirected to.
    shell "echo first > log; $MOONTIDE cat in.jsonl -o /dev/stdout >> log; echo last >> log"
    assert.equal('first\n{"timestamp": 1}\nlast\n', read "log")
  end)

  it("names a folder, a missing folder and an empty name", function()
    local result = shell "mkdir d; $MOONTIDE cat in.jsonl -o d"
    assert.same({ status = 1, out = "", err = "moontide: d: is a directory, not a file\n" }, result)
    result = shell "$MOONTIDE cat in.jsonl -o missing/x"
    assert.same({ status = 1, out = "",
      err = "moontide: missing/x: cannot write in the folder 'missing/': No such file or directory\n" }, result)
    assert.equal(2, shell("$MOONTIDE cat in.jsonl -o ''").status)
  end)

  it("reports a full disk", function()
    if shell("mknod full c 1 7 && test -w full && ! { : > full && echo x > full; } 2>/dev/null").status ~= 0
      or shell("echo x > full").err:find "Permission" then
      return pending "no device can be made here"
    end
    local result = shell "$MOONTIDE cat in.jsonl -o full"
    assert.same({ status = 1, out = "", err = "moontide: full: cannot write: No space left on device\n" }, result)
    result = shell "$MOONTIDE cat in.jsonl > full"
    assert.same({ status = 1, out = "",
      err = "moontide: standard output: cannot write: No space left on device\n" }, result)
    -- One that fails by what it finds has results to lose, too.
    result = shell [[echo '{"timestamp": 0, "input_length": 5, "hash_ids": [3, 3]}' > bad.jsonl
      $MOONTIDE lint bad.jsonl > full]]
    assert.same({ status = 1, out = "",
      err = "moontide: standard output: cannot write: No space left on device\n" }, result)
    assert.equal(0, shell("test -c full").status)
  end)

  it("leaves the old file when writing fails half way", function()
    file("old", "before")
    -- Files may have at most 64 KiB here; the trace is larger.
    shell [[for i in $(seq 9999); do echo '{"timestamp": 1234567, "input_length": 1}'; done > large]]
    local result = shell "trap '' XFSZ; ulimit -f 64; $MOONTIDE cat large -o old"
    assert.equal("moontide: old: cannot write: File too large\n", result.err)
    assert.equal(1, result.status)
    assert.equal("before", read "old")
    assert.equal("in.jsonl large old ", entries())
  end)

  it("reads no file at whose end it writes", function()
    for words, name in pairs {
      ["cat in.jsonl"] = "cat: standard output is in.jsonl", ["cat - < in.jsonl"] = "cat: standard output is standard input",
      ["lint in.jsonl --fix -"] = "lint: standard output is in.jsonl",
    } do
      local before = read "in.jsonl"
      local result = shell("$MOONTIDE " .. words .. " >> in.jsonl")
      assert.same({ status = 2, out = "", err = "moontide: " .. name
        .. ", which is read: say where the trace goes with a file's name\n" }, result)
      assert.equal(before, read "in.jsonl")
    end
    assert.equal("moontide: synthesize: the new trace would replace in.jsonl: say where else it goes with --output-file\n",
      shell("$MOONTIDE synthesize in.jsonl -o - >> in.jsonl").err)
    assert.equal(0, shell("cp in.jsonl other; $MOONTIDE cat in.jsonl >> other").status)
  end)

  it("says that a folder or a file may not be written", function()
    local as_nobody = ""
    if is_root() then
      as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups "
      -- The binary itself may lie where nobody can reach it.
      if shell("chmod 755 . && " .. as_nobody .. "$MOONTIDE --version").status ~= 0 then
        return pending "the binary cannot be run as another user"
      end
    end
    file("d/old", "before")
    local result = shell("chmod 555 d && chmod 666 d/old && " .. as_nobody .. "$MOONTIDE cat in.jsonl -o d/old")
    assert.same({ status = 1, out = "",
      err = "moontide: d/old: cannot write in the folder 'd/': Permission denied\n" }, result)
    result = shell("chmod 777 d && chmod 444 d/old && " .. as_nobody .. "$MOONTIDE cat in.jsonl -o d/old")
    assert.same({ status = 1, out = "", err = "moontide: d/old: cannot write: Permission denied\n" }, result)
    result = shell("chmod 0 in.jsonl && " .. as_nobody .. "$MOONTIDE cat in.jsonl -o d/new")
    assert.same({ status = 1, out = "", err = "moontide: in.jsonl: cannot open: Permission denied\n" }, result)
    assert.equal("before", read "d/old")
  end)

  it("ends quietly when nobody reads on", function()
    shell [[for i in $(seq 99999); do echo '{"timestamp": 1234567, "input_length": 1}'; done > large]]
    local result = shell "{ $MOONTIDE cat large; echo $? >&2; } | head -n 1"
    assert.same({ status = 0, out = '{"timestamp": 1234567, "input_length": 1}\n', err = "1\n" }, result)
  end)

  it("keeps the whole requests so far after Ctrl-C", function()
    file("old", "before")
    local result = interrupted_cat("kill -INT $cat", "old")
    assert.equal("status 130\nmoontide: interrupted\nmoontide: the whole requests so far are in old.part\n", result.out)
    assert.equal("before", read "old")
    assert.equal('{"timestamp": 1}\n{"timestamp": 2}\n', read "old.part")
    assert.equal("err in in.jsonl old old.part ", entries())
  end)

  it("keeps them compressed too", function()
    local result = interrupted_cat("kill -INT $cat", "new.gz")
    assert.equal("status 130\n", result.out:match "^[^\n]*\n")
    assert.equal('{"timestamp": 1}\n{"timestamp": 2}\n', shell("zcat < new.gz.part").out)
  end)

  it("removes everything at once at the second Ctrl-C", function()
    file("old", "before")
    -- Both signals wait until the stopped process goes on.
    local result = interrupted_cat("kill -STOP $cat; kill -INT $cat; kill -TERM $cat; kill -CONT $cat", "old")
    assert.equal("status 130\n", result.out)
    assert.equal("before", read "old")
    assert.equal("err in in.jsonl old ", entries())
  end)

  it("leaves no part of which nothing was said: the second Ctrl-C between the two removes it", function()
    -- The pipe that its messages go into is full: it waits there, with the part in place.
    local result = shell [[
      mkfifo in full || exit 99
      exec 3<>in 4<>full
      head -c 65536 /dev/zero >&4
      env --default-signal=INT "$MOONTIDE" cat in -o new 2>&4 &
      cat=$!
      printf '{"timestamp": 1}\n{"timestamp": 2}\n' >&3
      sleep 0.2
      for i in $(seq 500); do
        grep -q '^State:.S' /proc/$cat/status && break
        sleep 0.01
      done
      kill -INT $cat
      for i in $(seq 500); do
        [ -e new.part ] && break
        sleep 0.01
      done
      [ -e new.part ] && echo there
      kill -INT $cat
      wait $cat
      echo "status $?"]]
    assert.equal("there\nstatus 130\n", result.out)
    assert.equal("full in in.jsonl ", entries())
  end)

  it("of a run that is going on is not taken by another run", function()
    local server = mock.start { "--ttft", "5" }
    local lines = {}
    for i = 0, 19 do lines[i + 1] = ('{"timestamp": %d, "input_length": 9, "output_length": 2}'):format(100 * i) end
    file("t.jsonl", table.concat(lines, "\n"))
    local replay = ('"$MOONTIDE" replay t.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid '
      .. "--output-dir out"):format(server.port)
    local result = shell(([[
      %s >/dev/null & first=$!
      while [ ! -e out/profile_export.jsonl.part ]; do sleep 0.02; done
      %s; echo $?; wait $first; echo $?
      wc -l <out/profile_export.jsonl; ls out | grep -c part]]):format(replay, replay))
    assert.equal("1\n0\n20\n0\n", result.out)
    assert.equal("moontide: out/profile_export.jsonl: another process is writing this file\n", result.err)
  end)

  it("can be interrupted while it waits for a pipe's other end", function()
    local result = shell [[
      mkfifo p; env --default-signal=INT "$MOONTIDE" cat p 2>err & cat=$!
      sleep 1; kill -INT $cat; wait $cat; echo $?; cat err]]
    assert.equal("130\nmoontide: interrupted\n", result.out)
  end)
end)
