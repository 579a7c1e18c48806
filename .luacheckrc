std = "lua54"
max_line_length = 110
exclude_files = { "build/" }
-- A case and what it must answer stay on one line.
files["tests/**/*_spec.lua"] = { std = "+busted", max_line_length = 130 }
files["examples/testing/*_spec.lua"] = { std = "+busted" }
