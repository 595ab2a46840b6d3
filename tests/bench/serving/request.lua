-- One request again and again, and the result as a line of JSON. Usage: wrk -s request.lua URL -- BODY_FILE [KEY]
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local headers = { ["Content-Type"] = "application/json" }
  if args[2] then headers["Authorization"] = "Bearer " .. args[2] end
  request_text = wrk.format("POST", nil, headers, file:read("*a"))
  file:close()
end

function request() return request_text end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"per_second": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
