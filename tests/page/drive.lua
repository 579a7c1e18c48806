-- A short run against a mock that fails now and then, its results in a folder: for the pages of runs.
local mt = require "moontide"

return mt.script {
  summary = "A short run against a mock server",
  options = { { "folder", kind = "path", required = true } },
  run = function(opt)
    local server, message = mt.mock { ttft = 20, itl = 1, kv_blocks = 1000, fail = { status_500 = 0.05 } }
    if not server then return nil, message end
    local load = mt.workload { duration = "4s", block_size = 16,
      mt.stream { name = "chat", arrivals = mt.poisson(60), input = 300, output = 20,
        prompt = mt.shared_prefix { tokens = 128, groups = 4 } },
      mt.stream { name = "</script><b>batch", arrivals = mt.poisson(20), input = 800, output = 5 } }
    local run, problem, code = mt.drive(load, { url = server.url, model = "demo", output_dir = opt.folder,
      server_metrics = server.url .. "/metrics", by = "stream" })
    server:close()
    if not run then return nil, problem, code end
  end,
}
