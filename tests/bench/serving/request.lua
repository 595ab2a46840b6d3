-- One request again and again, and the result as a line of JSON. Usage: wrk -s request.lua URL -- BODY_FILE [KEY [FIELD]]
-- With FIELD its number is another one in every request.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  local headers = { ["Content-Type"] = "application/json" }
  if args[2] then headers["Authorization"] = "Bearer " .. args[2] end
  local body = file:read("*a")
  file:close()
  if args[3] then
    body = body:gsub('("' .. args[3] .. '": *)[-+.%deE]+', "%10.000000000", 1)
    local text = wrk.format("POST", nil, headers, body)
    local place = assert(text:find("0.000000000", 1, true), "the body has no number " .. args[3])
    head, tail, number = text:sub(1, place + 1), text:sub(place + 11), 0
  else
    request_text = wrk.format("POST", nil, headers, body)
  end
end

function request()
  if not head then return request_text end
  number = number + 1
  return head .. string.format("%09d", number) .. tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"per_second": %f, "p50_ms": %f, "p99_ms": %f, "failed": %d}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
