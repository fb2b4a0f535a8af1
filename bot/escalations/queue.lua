-- The queue's moves, each atomic. KEYS: 1 generation, 2 claims (escalation -> claimed until), 3... the skills' queues.
-- ARGV: 1 the move, 2 now in ms, then the move's own. Every move but `rebuild` refuses with 'no generation' after Redis was wiped, so that
-- nobody claims from a queue that has not been built again from SQL.
-- Scores are (3 - priority) * 1e13 + milliseconds: priority first, then age; below 2^53, so exact.
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
  -- ARGV 3 escalation, 4 score; one that somebody is claiming right now is left alone
  local claimed = redis.call('HGET', KEYS[2], ARGV[3])
  if claimed and tonumber(claimed) > now then return 0 end
  redis.call('HDEL', KEYS[2], ARGV[3])
  return redis.call('ZADD', KEYS[3], 'NX', ARGV[4], ARGV[3])
end

if move == 'claim' then
  -- ARGV 3 claimed until, 4 a chosen escalation or ''
  local best, best_score, best_key = nil, nil, nil
  for i = 3, #KEYS do
    if ARGV[4] ~= '' then
      local score = redis.call('ZSCORE', KEYS[i], ARGV[4])
      if score then best, best_key = ARGV[4], KEYS[i] end
    else
      local head = redis.call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')
      if head[1] and (best_score == nil or tonumber(head[2]) < best_score) then
        best, best_score, best_key = head[1], tonumber(head[2]), KEYS[i]
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
