-- Requests at a fixed rate, whether or not answers come. Usage: wrk -s open_loop.lua URL -- BODY_FILE OUT RATE [KEY]
-- Request k is due at start + k / RATE and goes out by the next free connection. Its id is the moment when it was due,
-- in microseconds; the answer repeats it, so a line of OUT is: due, status, microseconds since then, has Retry-After.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long sec; long nsec; } moment;
  int clock_gettime(int clock, moment *now);
]]
local moment, MONOTONIC = ffi.new("moment"), 1
local threads = {}

local function now()
  ffi.C.clock_gettime(MONOTONIC, moment)
  return tonumber(moment.sec) * 1e6 + tonumber(moment.nsec) / 1e3
end

function setup(thread) threads[#threads + 1] = thread end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local body = file:read("*a")
  file:close()
  out, gap = assert(io.open(args[2], "w")), 1e6 / tonumber(args[3])
  local headers = { ["Content-Type"] = "application/json", ["X-Request-ID"] = "%.0f" }
  if args[4] then headers["Authorization"] = "Bearer " .. args[4] end
  local text = wrk.format("POST", nil, headers, body)
  before, after = text:match("^(.-)%%%.0f(.*)$")
  planned, sent = 0, 0
end

function delay()
  first = first or now()
  planned = planned + 1
  return math.max(0, math.ceil((first + planned * gap - now()) / 1e3))
end

function request()
  if first then sent = sent + 1 end -- wrk looks at one request before it begins
  return string.format("%s%.0f%s", before, (first or 0) + sent * gap, after)
end

function response(status, headers, body)
  local due = tonumber(headers["x-request-id"] or 0)
  out:write(string.format("%.0f %d %.0f %d\n", due, status, now() - due, headers["retry-after"] and 1 or 0))
end

function done(summary, latency)
  local sent, errors = 0, summary.errors
  for _, thread in ipairs(threads) do sent = sent + thread:get("sent") end
  io.write(string.format('RESULT {"sent": %d, "seconds": %f, "broken": %d}\n',
    sent, summary.duration / 1e6, errors.connect + errors.read + errors.write))
end
