-- Replaces or removes a record only if it still is what the caller has seen.
-- KEYS[1]  the record's key
-- ARGV[1]  the text that was seen, or its SHA-1 where it is long
-- ARGV[2]  the new text; '' removes the record
-- ARGV[3]  its time to live in milliseconds
-- KEYS[2], ARGV[4], ARGV[5]  for a removal that leaves a pointer: where it is kept, where it leads, and for how many
--          milliseconds
-- Answers 1 when done, 0 when there is no record, or the text that is there instead.
local call, key, seen, text = redis.call, KEYS[1], ARGV[1], ARGV[2]
local held = call('GET', key)
if not held then
  return 0
end
if held ~= seen and redis.sha1hex(held) ~= seen then
  return held
end
if text == '' then
  call('DEL', key)
  if KEYS[2] then
    call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
  end
else
  call('SET', key, text, 'PX', ARGV[3])
end
return 1
