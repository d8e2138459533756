"""Our statements in MySQL's words, where a word has to become a program."""

from __future__ import annotations

import pytest

from motia.databases.mysql_dialect import compile_statement, listed
from motia.queues import statements as sql
from motia.queues.schema import SCHEMA


def test_a_claim_chooses_then_changes_then_reads() -> None:
    program = compile_statement(sql.CLAIM["ready", False])
    assert program.choose is not None
    assert program.choose.rstrip().endswith("FOR UPDATE SKIP LOCKED")
    assert program.act.rstrip().endswith("WHERE seq IN %(chosen)s")
    assert program.read is not None
    assert program.read.startswith("SELECT  seq, message_id")


def test_who_only_wants_keys_is_not_read_back_what_is_gone() -> None:
    program = compile_statement(sql.DONE_ALL)
    assert program.read is None
    assert "seq IN %(held_keys)s AND (seq, token) IN %(held)s" in str(program.choose)


def test_a_condition_of_an_upsert_is_asked_for_each_column() -> None:
    program = compile_statement(sql.DEDUPE)
    assert program.upsert
    assert program.act.count("IF( motia_dedupe.expires_at <=") == 2
    assert program.act.index("message_id = IF(") < program.act.index("expires_at = IF(")  # assigned in order


def test_ids_are_joined_by_a_function() -> None:
    assert "CONCAT(message_id, ':', subscription_id) IN %(ids)s" in compile_statement(sql.DEAD).act
    assert listed({"ids": "[]", "x": 1}) == {"ids": [None], "x": 1}
    assert listed({"held": "[[1,2],[3,4]]"}) == {"held": [(1, 2), (3, 4)], "held_keys": [1, 3]}


@pytest.mark.parametrize("statement", SCHEMA[0])
def test_no_word_of_sqlite_is_left(statement: str) -> None:
    act = compile_statement(statement).act
    for word in (" TEXT,", " TEXT ", "AUTOINCREMENT", "WITHOUT ROWID", " WHERE ", " REAL"):
        assert word not in act
