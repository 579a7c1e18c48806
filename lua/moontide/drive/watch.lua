--- Who looks on while runs are driven: watch.now, nil where nobody does. The one variable of the process that
--- says so; who sets it takes it back.
--
-- A watcher is told from the thread that prepares requests, which must not be kept long.

---@class moontide.watcher
---@field begins fun(self: moontide.watcher, known: table) a run begins: its target, level (of a sweep),
--- urls, model
---@field moment fun(self: moontide.watcher, seconds: number, load: table, progress: table, failures: table,
--- begun_before: integer, said: table?) about once a second and at the end: the driver's look, the replay's
--- look, its failures by name, what the driver had begun before the start, and the latest look at what the
--- server says of itself, where they are looked at (running, waiting, kv_use; at)
---@field ends fun(self: moontide.watcher, run: moontide.drive_run)

---@class moontide.watch
---@field now moontide.watcher?
local watch = {}

return watch
