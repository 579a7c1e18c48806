std = "lua54"
-- The command line gives print another target while standard output belongs to a trace.
files["lua/moontide/cli.lua"] = { globals = { "print" } }
max_line_length = 110
exclude_files = { "build/" }
files["tests/**/*_spec.lua"] = { std = "+busted" }
