local MAX_SPANS, MAX_EVENTS = 2000, 5000 -- see motia.traces.base
local function placed(seq, rest) return string.format('%016d', seq) .. ':' .. rest end
-- Spans in the feed, and what has an end of its own: a trace id has 32 characters.
local function span_member(trace, span) return 's' .. trace .. span end
local function event_member(trace, seq) return 'e' .. trace .. seq end
-- The spans of a trace as they are listed, and how many events it has.
local function briefly(trace) return {trace, call('HGETALL', K .. 'ts:' .. trace), call('HLEN', K .. 'te:' .. trace)} end
