--- Functions that a table has from a module which is loaded only when one of them is first named.
--
-- A class whose values may be there before all of its methods are passes its table of methods through
-- late.methods. Which names come later, and from where, moontide/parts.lua says; moontide/init.lua brings
-- them. Without the API there is nobody to ask, and a name that is not there is nil.
local late = {}

--- The tables that lack something, by class.
---@type table<string, table<string, function>>
late.known = {}

--- Brings what a class lacks: set by moontide/init.lua. It returns nil where no module has it.
---@type nil|fun(class: string, name: any): any
late.bring = nil

--- The same table, which looks for what it lacks.
---@param class string as in parts.lua, "workload"
---@param methods table<string, function>
---@return table methods
function late.methods(class, methods)
  late.known[class] = methods
  return setmetatable(methods, { __index = function(_, name)
    return late.bring and late.bring(class, name)
  end })
end

return late
