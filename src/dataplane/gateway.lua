-- Runs inside HAProxy. VERIFY_URL, VERIFY_KEY, BODY_LIMIT, DRAIN_LIMIT and REFUSALS are set by the lines written above this file's text.

-- Ends a request whose body grows beyond the limit. Only for bodies without Content-Length, which no ACL can measure.
local BodyLimit = { id = 'body-limit', flags = filter.FLT_CFG_FL_HTX }
BodyLimit.__index = BodyLimit

-- HAProxy's own mark of the end is counted as one byte of payload.
local END_MARK = 1

function BodyLimit:new()
  return setmetatable({ total = 0 }, BodyLimit)
end

-- The rules say which requests are to be counted: headers cannot be read here once a rule has waited for the body.
function BodyLimit:http_headers(txn, msg)
  if msg:is_resp() or not txn:get_var('txn.counted') then return end
  filter.register_data_filter(self, msg.channel)
end

-- Nothing beyond the limit goes on to the instance, but it is read, up to DRAIN_LIMIT: most clients look for the answer
-- only when they have sent all, and find a broken connection when it closes before.
function BodyLimit:http_payload(txn, msg)
  self.total = self.total + msg:input()
  if self.total <= BODY_LIMIT + END_MARK then return end
  txn:set_var('txn.too_large', 1)
  if msg:eom() or self.total > DRAIN_LIMIT then return filter.ERROR end
  msg:remove()
end

function BodyLimit:http_end(txn, msg)
  if self.total > BODY_LIMIT + END_MARK then return filter.ERROR end
end

core.register_filter('body-limit', BodyLimit, function(class) return class end)

-- Every refusal reads the body first, for the same reason; not when the client waits to be asked for it
-- or for a tunnel.
for name, refusal in pairs(REFUSALS) do
  core.register_service('refuse-' .. name, 'http', function(applet)
    local total = 0
    local headers = applet.headers
    local sending = (headers['content-length'] or headers['transfer-encoding'])
      and not headers['expect'] and not headers['upgrade']
    while sending and total <= DRAIN_LIMIT do
      local data = applet:receive(65536)
      if #data == 0 then break end
      total = total + #data
    end
    local text = refusal.text:gsub('@', applet:get_var('txn.request_id') or '')
    -- The management server's own words, where it refused.
    if name:find('^signature') then text = applet:get_var('txn.denial') or text end
    applet:set_status(refusal.status)
    applet:add_header('content-type', 'application/json')
    applet:add_header('content-length', tostring(#text))
    applet:start_response()
    applet:send(text)
  end)
end

-- JSON text of a string. Bytes from 0x80 on are written as Latin-1, which is how Node reads header bytes.
local function quoted(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(c) return string.format('\\u%04x', c:byte()) end) .. '"'
end

-- Headers that matter beside those the caller signed. A token is asked about where it works for somebody else.
local ALWAYS = { 'host', 'authorization', 'x-auth-token', 'x-sdk-date', 'x-security-token', 'x-project-id', 'x-sdk-content-sha256' }

local function question(txn)
  local received = txn.http:req_get_headers()
  local wanted = {}
  for _, name in ipairs(ALWAYS) do wanted[name] = true end
  local authorization = received['authorization'] and received['authorization'][0] or ''
  local list = authorization:match('SignedHeaders=([^,%s]*)') or ''
  for name in list:gmatch('[^;]+') do wanted[name:lower()] = true end
  local headers = {}
  for name in pairs(wanted) do
    local values = received[name]
    if values then
      local all = {}
      for i = 0, #values do all[#all + 1] = values[i] end
      headers[#headers + 1] = quoted(name) .. ':' .. quoted(table.concat(all, ','))
    end
  end
  table.sort(headers)
  local parts = {
    '"method":' .. quoted(txn.f:method()),
    '"path":' .. quoted(txn.f:path() or '/'),
    '"query":' .. quoted(txn.f:query() or ''),
    '"headers":{' .. table.concat(headers, ',') .. '}',
    '"service_id":' .. quoted(txn:get_var('txn.id') or ''),
  }
  local sha = txn:get_var('txn.body_sha')
  if sha then parts[#parts + 1] = '"bodySha256":' .. quoted(sha) end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- Recent yes-answers by the hash of the whole question; a withdrawn key is out within CACHE_SECONDS.
local CACHE_SECONDS, CACHE_SIZE = 5, 2000
local cache, cached = {}, 0

local function remember(key, verdict)
  if cached >= CACHE_SIZE then cache, cached = {}, 0 end
  if not cache[key] then cached = cached + 1 end
  cache[key] = verdict
end

local function admit(txn, verdict)
  txn:set_var('txn.verdict', 200)
  txn:set_var('txn.sub', verdict.sub)
  txn:set_var('txn.prj', verdict.prj)
end

core.register_action('verify-caller', { 'http-req' }, function(txn)
  local body = question(txn)
  local key = txn.c:sha2(body, 256)
  local now = core.now().sec
  local known = cache[key]
  if known and known.expires > now then return admit(txn, known) end
  local answer = core.httpclient():post({
    url = VERIFY_URL,
    headers = { ['content-type'] = { 'application/json' }, ['x-atelier-key'] = { VERIFY_KEY } },
    body = body,
    timeout = 5000,
  })
  local status = answer and tonumber(answer.status) or 0
  local text = answer and answer.body or ''
  if status == 401 or status == 403 then
    txn:set_var('txn.verdict', status)
    if text:sub(1, 1) == '{' then txn:set_var('txn.denial', text) end
    return
  end
  local allowed = status == 200 and tostring(txn.sc:json_query(text, '$.allowed')) or ''
  local verdict = { sub = txn.sc:json_query(text, '$.sub'), prj = txn.sc:json_query(text, '$.prj') }
  if (allowed == 'true' or allowed == '1') and type(verdict.prj) == 'string' and verdict.prj ~= '' then
    local ttl = tonumber(txn.sc:json_query(text, '$.ttl')) or 0
    verdict.expires = now + math.min(ttl, CACHE_SECONDS)
    if ttl > 0 then remember(key, verdict) end
    return admit(txn, verdict)
  end
  txn:set_var('txn.verdict', 503)
end, 0)
