-- wrk: page views of ever-new visitors, agents and pages, as the tracking script sends them.
local counter, thread_number = 0, 0
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("thread_number", threads)
end
function request()
  counter = counter + 1
  local n = thread_number * 100000000 + counter
  local headers = {
    ["Content-Type"] = "text/plain",
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. (90 + n % 40) .. ".0) Gecko/20100101 Firefox/" .. (90 + n % 40) .. ".0",
    ["X-Forwarded-For"] = "203." .. (n % 250) .. "." .. (math.floor(n / 250) % 250) .. "." .. (math.floor(n / 62500) % 250),
    ["Accept-Language"] = "en-US,en;q=0.5",
  }
  local body = '{"d":"bench.example","n":"pageview","u":"https://bench.example/page/' .. n % 200
    .. '?utm_source=news","r":"https://www.google.com/","w":1440,"i":"' .. n .. '"}'
  return wrk.format("POST", "/api/event", headers, body)
end
