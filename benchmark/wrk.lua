-- Cycles over the cookies in the file that the first argument names, one a line; without it, sends none.
local requests, at = {}, 0

function init(args)
  if args[1] then
    for cookie in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", nil, { ["Cookie"] = cookie })
    end
  else
    requests[1] = wrk.format("GET")
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\n{"requests":%d,"us":%d,"p50":%d,"p99":%d,"failed":%d}\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
