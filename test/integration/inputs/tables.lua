-- Tables, strings, closures, coroutines, weak tables and finalizers, with the collector in both of its modes.
local function checksum(text)
  local sum = 0
  for i = 1, #text do sum = (sum * 31 + text:byte(i)) % 4294967291 end
  return sum
end

for _, mode in ipairs { "incremental", "generational" } do
  collectgarbage(mode)
  local map, parts = {}, {}
  for i = 1, 200000 do map["key" .. i % 50000] = (map["key" .. i % 50000] or 0) + i end
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  for i = 1, #names, 997 do parts[#parts + 1] = names[i] .. "=" .. map[names[i]] end
  print(mode, #names, table.concat(parts, " "))

  local text = {}
  for i = 1, 30000 do text[i] = ("%d:%s;"):format(i, ("ab"):rep(i % 17)) end
  local joined = table.concat(text)
  print(#joined, checksum(joined), select(2, joined:gsub("a(b+)", "%1")), #joined:upper():reverse():rep(3))

  local function walk(depth)
    if depth > 0 then
      for _, branch in ipairs { "l", "r" } do
        coroutine.yield(branch .. depth)
        walk(depth - 1)
      end
    end
  end
  local steps = 0
  for step in coroutine.wrap(function() walk(13) end) do steps = steps + #step end
  print("coroutine", steps)
  local many = {}
  for i = 1, 5000 do many[i] = coroutine.wrap(function(a) while true do a = coroutine.yield(a + i) end end) end
  local total = 0
  for round = 1, 5 do for i = 1, #many do total = total + many[i](round) end end
  print("coroutines", total)

  local weak, finalized = setmetatable({}, { __mode = "k" }), 0
  for i = 1, 20000 do
    weak[setmetatable({ i }, { __gc = function() finalized = finalized + 1 end })] = ("x"):rep(i % 100)
  end
  collectgarbage()
  collectgarbage()
  print("finalized", finalized, next(weak))

  local grid = {}
  for y = 1, 300 do
    grid[y] = table.pack(("."):rep(300):byte(1, -1))
    for x = 1, 300 do grid[y][x] = (x * y) % 251 end
  end
  for _ = 1, 3 do table.insert(grid, 1, table.remove(grid)) end
  print("grid", grid[1][17], grid[300][300], #table.move(grid, 1, 300, 100, {}))
  print(pcall(string.rep, "x", 1 << 60), select("#", table.unpack(grid[1])))
end
