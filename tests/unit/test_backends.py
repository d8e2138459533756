from __future__ import annotations

import os
import subprocess
import sys

import pytest

WITHOUT = """
import sys
from motia.backends import open_backend
from motia.clock import SystemClock
from motia.errors import MissingDependency

sys.modules[sys.argv[1]] = None  # as where it is not installed
try:
    open_backend(sys.argv[2], SystemClock(), 5.0)
except MissingDependency as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("driver", "url", "message"),
    [
        ("psycopg", "postgresql://host/db", "a postgresql:// URL needs psycopg 3: pip install 'motia[postgres]'"),
        ("pymysql", "mysql://host/db", "a mysql:// URL needs PyMySQL: pip install 'motia[mysql]'"),
        ("redis", "redis://host/0", "a redis:// URL needs redis-py with hiredis: pip install 'motia[redis]'"),
        ("django", "django://default", "motia.integrations.django needs Django: pip install 'motia[django]'"),
    ],
)
def test_where_a_driver_is_missing_the_error_names_the_extra(driver: str, url: str, message: str) -> None:
    command = [sys.executable, "-c", WITHOUT, driver, url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ran.stdout.strip(), ran.stderr) == (message, "")


def test_psycopg_without_libpq_is_not_said_to_be_missing() -> None:
    command = [sys.executable, "-c", WITHOUT, "no such module", "postgresql://host/db"]
    without_libpq = {**os.environ, "PSYCOPG_IMPL": "none"}
    ran = subprocess.run(command, env=without_libpq, capture_output=True, text=True, timeout=30, check=False)
    assert "psycopg finds no libpq on this machine: pip install 'psycopg[binary]'" in ran.stdout
