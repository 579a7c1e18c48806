-- A file of real data: real_data "NAME" gives its path in the folder that MOONTIDE_DATA names and, where it
-- is not there, why a test of it is pending.
return function(name)
  local path = (os.getenv "MOONTIDE_DATA" or ".") .. "/" .. name
  local file = io.open(path)
  if not file then return path, "no " .. name .. " in MOONTIDE_DATA" end
  file:close()
  return path
end
