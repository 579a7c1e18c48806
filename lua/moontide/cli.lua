return { main = function() print(require "moontide.core".version) return 0 end }
