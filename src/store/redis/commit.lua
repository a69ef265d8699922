-- Replaces or removes a record only if it still is what the caller has seen.
-- KEYS[1]  the record's key
-- ARGV[1]  SHA-1 of the text that was seen, so that the text itself need not travel
-- ARGV[2]  the new text; '' removes the record
-- ARGV[3]  its time to live in milliseconds
-- KEYS[2], ARGV[4], ARGV[5]  for a removal that leaves a pointer: where it is kept, where it leads, and for how many
--          milliseconds
-- Answers 1 when done, 0 when there is no record, or the text that is there instead.
local held = redis.call('GET', KEYS[1])
if not held then
  return 0
end
if redis.sha1hex(held) ~= ARGV[1] then
  return held
end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  if KEYS[2] then
    redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
  end
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
