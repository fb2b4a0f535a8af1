-- The queue's moves, each atomic. KEYS: 1 generation, 2 claims (escalation -> claimed until), 3... the skills' queues.
-- ARGV: 1 the move, 2 now in ms, then the move's own. Every move but `rebuild` refuses with 'no generation' after Redis was wiped, so that
-- nobody claims from a queue that has not been built again from SQL.
-- Scores are milliseconds, earlier by so many minutes for each step of priority (routing.yml): the order never changes while they wait.
local move, now = ARGV[1], tonumber(ARGV[2])

if move == 'rebuild' then
  -- KEYS 3...: one queue for each ARGV pair (escalation, score) from 4 on; ARGV 3: the generation
  for i = 4, #ARGV, 2 do
    redis.call('ZADD', KEYS[3 + (i - 4) / 2], ARGV[i + 1], ARGV[i])
  end
  redis.call('SET', KEYS[1], ARGV[3])
  return #ARGV
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return redis.error_reply('NOGENERATION the queue has to be built again')
end

if move == 'enqueue' then
  -- KEYS 3...: one queue for each ARGV pair (escalation, score) from 3 on; one that somebody is claiming right now is left alone
  local added = 0
  for i = 3, #ARGV, 2 do
    local claimed = redis.call('HGET', KEYS[2], ARGV[i])
    if not claimed or tonumber(claimed) <= now then
      redis.call('HDEL', KEYS[2], ARGV[i])
      added = added + redis.call('ZADD', KEYS[3 + (i - 3) / 2], 'NX', ARGV[i + 1], ARGV[i])
    end
  end
  return added
end

if move == 'claim' then
  -- ARGV 3 claimed until, 4 a chosen escalation or '', then for each queue the highest score that may be taken, then those to pass over
  local lanes, skip = #KEYS - 2, {}
  for i = 5 + lanes, #ARGV do skip[ARGV[i]] = true end
  local looked = #ARGV - 4 - lanes + 1
  local best, best_score, best_key = nil, nil, nil
  for lane = 1, lanes do
    local key, limit = KEYS[2 + lane], ARGV[4 + lane]
    if ARGV[4] ~= '' then
      local score = redis.call('ZSCORE', key, ARGV[4])
      if score and (limit == '+inf' or tonumber(score) <= tonumber(limit)) then best, best_key = ARGV[4], key end
    else
      local head = redis.call('ZRANGEBYSCORE', key, '-inf', limit, 'WITHSCORES', 'LIMIT', 0, looked)
      for j = 1, #head, 2 do
        if not skip[head[j]] then
          if best_score == nil or tonumber(head[j + 1]) < best_score then
            best, best_score, best_key = head[j], tonumber(head[j + 1]), key
          end
          break
        end
      end
    end
  end
  if not best then return false end
  redis.call('ZREM', best_key, best)
  redis.call('HSET', KEYS[2], best, ARGV[3])
  return best
end

if move == 'settle' then
  -- ARGV 3 escalation: SQL has decided, the claim is over, and the entry is in no queue
  for i = 3, #KEYS do redis.call('ZREM', KEYS[i], ARGV[3]) end
  return redis.call('HDEL', KEYS[2], ARGV[3])
end

return redis.error_reply('unknown move ' .. move)
