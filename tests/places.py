"""A place of its own for each test on a server: a schema, a database, a prefix; removed afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pymysql
import redis

from motia.messages import new_id


def _name() -> str:
    return f"motia_{new_id().replace('-', '')}"


@contextmanager
def postgres_place(url: str) -> Iterator[str]:
    name = _name()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA {name}")
        try:
            yield f"{url}?options=-csearch_path%3D{name}"
        finally:
            admin.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def mysql_place(url: str) -> Iterator[str]:
    parts, name = urlsplit(url), _name()
    account = {"user": parts.username or "", "password": parts.password or ""}
    with closing(pymysql.connect(host=parts.hostname, port=parts.port or 3306, **account)) as admin:
        admin.cursor().execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            admin.cursor().execute(f"DROP DATABASE {name}")


@contextmanager
def redis_place(url: str) -> Iterator[str]:
    name = _name()
    with redis.Redis.from_url(url) as admin:
        try:
            yield f"{url}?prefix={name}"
        finally:
            for key in admin.scan_iter(f"{{{name}}}*", count=1000):
                admin.unlink(key)


PLACES: dict[str, Callable[[str], AbstractContextManager[str]]] = {
    "postgresql": postgres_place,
    "mysql": mysql_place,
    "redis": redis_place,
}
