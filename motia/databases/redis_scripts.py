"""Everything that Redis does in one step: the scripts of the folder ``lua``. Times are the server's own.

A file names in its first line what it uses, and is loaded with that before it, each once.

Keys, all under one prefix with one hash tag, so that they live in one slot of a cluster:

    subs            hash     subscription -> its fields
    topic:<topic>   hash     subscription -> which messages it takes, and how
    paused          set      subscriptions that are not claimed
    b:<delivery>    string   what never changes of a delivery, as the script `forms` writes it; exists as long as this
    m:<delivery>    hash     what changed since: attempt, crashes, due, parked, entry, reason, error
    r:<sub>         stream   ready deliveries, with the consumer group `motia`
    p:<prio>:<sub>  stream   those of a priority other than 0; gone when empty
    prio:<sub>      zset     the priorities that have a stream
    ready           set      subscriptions whose streams may have something new
    run:<sub>       hash     running delivery -> token, owner, deadline, priority, entry, attempt, crashes, group,
                             until when its lease lasts, whether there is no m: of it
    own:<owner>     set      what an owner runs;   owners  set  who runs anything
    lease           zset     owner -> when the first of its leases lapses, or earlier
    cancel          set      running deliveries that were asked to stop
    sched           zset     scheduled delivery -> when it is due
    x:<sub>         zset     suspects, least suspicious first;   suspects  set  subscriptions that have some
    f:<sub>:<group> list     unfinished deliveries of a fifo group, and the dead letters that hold it back: only the
                             first is anywhere else, and only if it is not dead
    dead            zset     dead letter -> since when
    cron, cronoff            last tick of each schedule, and those that are paused
    g:<group>, go:<group>, gt, groups   state: values, their order, when they run out, and the groups there are
    i:<stream>/<group>, io:<stream>/<group>, ig:<stream>      stream items, their order, and the groups there are
    sh:<stream>     hash     head of a stream: number and timestamp of its newest entry, when it was first used
    sl:<stream>     stream   its log, each entry under its number;   streams  set  all that were used
    ts:<trace>, tb:<trace>   what its spans are listed by, and their inputs and outputs, by span
    te:<trace>, tt:<trace>   its events, and the topics of those that sent something, by number
    tz, tr          zset     trace, and trace and span -> when it started
    tl, tq          zset     number of a log line and its trace, of a sending and its topic -> when
    tf              zset     span or event -> number of its record;   tn, tp  newest number, and up to which is gone
    health          string   for a second: somebody has asked whether it can be written
"""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("motia.databases") / "lua"
_USES = "-- uses: "


def _load(name: str, loaded: set[str]) -> str:
    """The text of a script, after all that it uses and that is not loaded yet."""
    if name in loaded:
        return ""
    loaded.add(name)
    text = (_FOLDER / f"{name}.lua").read_text("utf-8")
    first = text.partition("\n")[0]
    used = first.removeprefix(_USES).split(", ") if first.startswith(_USES) else []
    return "".join(_load(other, loaded) for other in used) + text


def _script(name: str, flags: str = "") -> str:
    """A script as the server takes it, with what it may do (Redis 7: ``#!lua flags=``).

    ``allow-oom``: what finishes, hands back and claims work must go on when the memory is full, or it would never be
    less so. Anything else that writes is then refused before it has begun.
    """
    return f"#!lua{' flags=' if flags else ''}{flags}\n{_load(name, set())}"


CHECK = _script("check")
PUBLISH = _script("publish")
SUBSCRIBE = _script("subscribe", "allow-oom")
EXCHANGE = _script("exchange", "allow-oom")
BEAT = _script("beat", "allow-oom")
REAP = _script("reap", "allow-oom")
ABANDON = _script("abandon", "allow-oom")
CANCEL = _script("cancel", "allow-oom")
UNFINISHED = _script("unfinished", "no-writes")
DEAD = _script("dead", "no-writes")
REDRIVE = _script("redrive")
DISCARD = _script("discard", "allow-oom")
PRUNE = _script("prune", "allow-oom")
PAUSE = _script("pause", "allow-oom")
STATS = _script("stats", "no-writes")
SUSPECTS = _script("suspects", "no-writes")
TICK = _script("tick")
PAUSE_SCHEDULE = _script("pause_schedule", "allow-oom")
STATE_GET = _script("state_get", "no-writes")
STATE_CHANGE = _script("state_change")
STATE_LIST = _script("state_list", "no-writes")
STATE_CLEAR = _script("state_clear", "allow-oom")
STATE_GROUPS = _script("state_groups", "no-writes")
STATE_PAGE = _script("state_page", "no-writes")
STATE_GROUP_PAGE = _script("state_group_page", "no-writes")
STATE_PRUNE = _script("state_prune", "allow-oom")
STREAM_CHANGE = _script("stream_change")
STREAM_EMIT = _script("stream_emit")
STREAM_READ = _script("stream_read", "no-writes")
STREAM_RESUME = _script("stream_resume", "allow-oom")
STREAM_SNAPSHOT = _script("stream_snapshot", "allow-oom")
STREAM_HEADS = _script("stream_heads", "no-writes")
STREAM_GROUPS = _script("stream_groups", "no-writes")
STREAM_PAGE = _script("stream_page", "no-writes")
STREAM_PRUNE = _script("stream_prune", "allow-oom")
TRACES_APPEND = _script("traces_append")
TRACES_LIST = _script("traces_list", "no-writes")
TRACES_CHOSEN = _script("traces_chosen", "no-writes")
TRACES_ONE = _script("traces_one", "no-writes")
TRACES_LOGS = _script("traces_logs", "no-writes")
TRACES_SINCE = _script("traces_since", "no-writes")
TRACES_RUNS = _script("traces_runs", "no-writes")
TRACES_SENT = _script("traces_sent", "no-writes")
TRACES_PRUNE = _script("traces_prune", "allow-oom")

_REPEATABLE = frozenset(
    {CHECK, PUBLISH, SUBSCRIBE, BEAT, REAP, ABANDON, DEAD, PRUNE, PAUSE, STATS, SUSPECTS, TICK, PAUSE_SCHEDULE}
    | {STATE_GET, STATE_LIST, STATE_GROUPS, STATE_PRUNE}
    | {STREAM_READ, STREAM_RESUME, STREAM_SNAPSHOT, STREAM_HEADS, STREAM_GROUPS, STREAM_PRUNE}
    | {TRACES_LIST, TRACES_CHOSEN, TRACES_ONE, TRACES_LOGS, TRACES_SINCE, TRACES_RUNS, TRACES_SENT, TRACES_PRUNE}
)


def is_repeatable(script: str) -> bool:
    """Whether a script may be run again where nobody knows if it has run: the second time it changes nothing.

    A message is known by its id and a tick by its moment. Not so what compares and sets, or counts what it has done:
    its second run would call the first one somebody else's. Nor an exchange: its second run claims something else,
    and the worker would not know that it holds more than it was told.
    """
    return script in _REPEATABLE
