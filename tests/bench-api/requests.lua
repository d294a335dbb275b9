-- What wrk sends for ferric-bench-api. Arguments: what is asked for; the file of nodes (UUID and MAC address a line); a word
-- of eight hexadecimal digits that no other run has; the file with the body of a new node.
--
-- Nodes are walked in turn, so that no two requests under way are for the same one.

local headers = {
  ["X-OpenStack-Ironic-API-Version"] = "1.115",
  ["Content-Type"] = "application/json",
}
local nodes = {}
local count = 0
local what, run, body

local function contents(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- Text with two places to fill: the UUID and the name of a new node.
local function pieces(text)
  local first, rest = text:match("^(.-)@UUID@(.*)$")
  local second, third = rest:match("^(.-)@NAME@(.*)$")
  return { first, second, third }
end

local function node()
  return nodes[count % #nodes + 1]
end

local requests = {
  get = function()
    return node().get
  end,
  list = function()
    return wrk.format("GET", "/v1/nodes?limit=1000", headers)
  end,
  post = function()
    local id = string.format("%s-0000-4000-8000-%012x", run, count)
    local new = table.concat({ body[1], id, body[2], "new-" .. id, body[3] })
    return wrk.format("POST", "/v1/nodes", headers, new)
  end,
  patch = function()
    local change = string.format('[{"op":"replace","path":"/extra/mark","value":"%s-%d"}]', run, count)
    return wrk.format("PATCH", "/v1/nodes/" .. node().id, headers, change)
  end,
  heartbeat = function()
    return node().heartbeat
  end,
  lookup = function()
    return node().lookup
  end,
}

function init(arguments)
  what, run = arguments[1], arguments[3]
  body = pieces(contents(arguments[4]))
  local beat = '{"callback_url":"https://192.0.2.1:9999","agent_token":"a-token-of-the-benchmark","agent_version":"10.0.0"}'
  for line in io.lines(arguments[2]) do
    local id, mac = line:match("^(%S+) (%S+)$")
    nodes[#nodes + 1] = {
      id = id,
      get = wrk.format("GET", "/v1/nodes/" .. id, headers),
      heartbeat = wrk.format("POST", "/v1/heartbeat/" .. id, headers, beat),
      lookup = wrk.format("GET", "/v1/lookup?addresses=" .. mac, headers),
    }
  end
end

function request()
  count = count + 1
  return requests[what]()
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"refused":%d,"failed":%d,"bytes":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration, summary.errors.status, failed, summary.bytes,
    latency:percentile(50), latency:percentile(99)
  ))
end
