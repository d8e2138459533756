"""The Redis backend: queue, state, streams and traces under one prefix of one server."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

from motia.backends import Backend, Ports, Url
from motia.clock import Clock
from motia.databases.redis import BlockingRedis, RedisServer, WaitingRedis
from motia.errors import ConfigError
from motia.queues.redis import RedisQueue, message_arguments
from motia.stores.redis import RedisStore
from motia.streams.redis import RedisStreams
from motia.traces.redis import RedisTraces


def open_redis(url: Url, clock: Clock, deadline: float) -> Backend:
    """``redis://user:password@host:port/database?prefix=motia``; ``rediss://`` for TLS, with redis-py's options.

    Raises:
        ConfigError: the prefix holds braces, which Redis Cluster gives a meaning.
        MissingDependency: redis-py is not installed.
    """
    options = dict(url.options)
    prefix = options.pop("prefix", "motia")
    if not prefix or "{" in prefix or "}" in prefix:
        raise ConfigError(f"prefix expected a name without braces, got {prefix!r}")
    text = urlunsplit(urlsplit(url.text)._replace(query=urlencode(options)))
    server = RedisServer(text, prefix=prefix, deadline=deadline)
    waiting, blocking = (
        Ports(
            RedisQueue(driver),
            RedisStore(driver, message_arguments),
            RedisStreams(driver, message_arguments),
            None,
            RedisTraces(driver),
        )
        for driver in (WaitingRedis(server), BlockingRedis(server))
    )
    return Backend(waiting, blocking, server)
