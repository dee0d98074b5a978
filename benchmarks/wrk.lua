-- Sends the POST bodies of a file in turn to /graphql, and prints the results as one line of JSON.
-- Arguments: the file, the first number for %N%, and a bearer token or "-".

local bodies, prepared, at, number = {}, {}, 0, 0

function init(args)
  number = tonumber(args[2])
  wrk.headers["Content-Type"] = "application/json"
  if args[3] ~= "-" then
    wrk.headers["Authorization"] = "Bearer " .. args[3]
  end
  for line in io.lines(args[1]) do
    bodies[#bodies + 1] = line
    -- Bodies without a number are prepared once.
    prepared[#bodies] = not line:find("%N%", 1, true) and wrk.format("POST", nil, nil, line) or false
  end
end

function request()
  at = at % #bodies + 1
  if prepared[at] then
    return prepared[at]
  end
  number = (number + 1) % 100000000
  local body = bodies[at]:gsub("%%N%%", string.format("%08d", number))
  return wrk.format("POST", nil, nil, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'MEASURED {"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"bytes":%d,"failed":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
