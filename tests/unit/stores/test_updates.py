from __future__ import annotations

from typing import Any

import pytest

from motia import UpdateError
from motia.stores.updates import MISSING, apply_ops
from motia.testing import fake_context


@pytest.mark.parametrize(
    ("before", "ops", "after"),
    [
        (MISSING, [], {}),
        ({"a": 1}, [{"type": "set", "path": "b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": 1}, [{"type": "set", "value": [1]}], [1]),
        (MISSING, [{"type": "set", "path": ["x", "y"], "value": 1}], {"x": {"y": 1}}),
        ({}, [{"type": "set", "path": "a.b", "value": 1}], {"a.b": 1}),
        ({"a": 1}, [{"type": "merge", "value": {"b": 2}}], {"a": 1, "b": 2}),
        ({"a": {"x": 1}}, [{"type": "merge", "path": "a", "value": {"y": 2}}], {"a": {"x": 1, "y": 2}}),
        (MISSING, [{"type": "increment", "path": "n", "by": 2}], {"n": 2}),
        ({"n": 1.5}, [{"type": "increment", "path": "n"}], {"n": 2.5}),
        ({"n": 1}, [{"type": "decrement", "path": "n", "by": 3}], {"n": -2}),
        (MISSING, [{"type": "decrement", "path": "n", "by": 3}], {"n": -3}),
        (5, [{"type": "increment", "by": 1}], 6),
        ({"l": [1]}, [{"type": "append", "path": "l", "value": 2}], {"l": [1, 2]}),
        ({"t": "ab"}, [{"type": "append", "path": "t", "value": "c"}], {"t": "abc"}),
        (MISSING, [{"type": "append", "path": "t", "value": "c"}], {"t": "c"}),
        (MISSING, [{"type": "append", "path": "l", "value": {"a": 1}}], {"l": [{"a": 1}]}),
        ({"a": 1, "b": 2}, [{"type": "remove", "path": "a"}], {"b": 2}),
        ({"a": 1}, [{"type": "remove", "path": "z"}], {"a": 1}),
        ({"a": 1}, [{"op": "set", "path": "/status", "value": "ok"}], {"a": 1, "status": "ok"}),
        ({"a": {"b": 1}}, [{"op": "increment", "path": "/a/b", "by": 2}], {"a": {"b": 3}}),
        ({}, [{"op": "set", "path": "a/b", "value": 1}], {"a/b": 1}),
        ({}, [{"type": "set", "path": "/a", "value": 1}], {"/a": 1}),
        ({"n": 1.5e300}, [{"type": "increment", "path": "n", "by": 1}], {"n": 1.5e300}),
    ],
)
def test_what_ops_make_of_a_value(before: Any, ops: list[Any], after: Any) -> None:
    copy = before if before is MISSING else repr(before)
    assert apply_ops(before, ops) == after
    assert before is MISSING or repr(before) == copy, "the old value is not changed in place"


@pytest.mark.parametrize(
    ("before", "op", "code"),
    [
        ({}, {"type": "multiply", "path": "n"}, "op.unknown"),
        ({}, {"type": "set", "path": "n"}, "set.value_missing"),
        ([1], {"type": "set", "path": "n", "value": 1}, "set.target_not_object"),
        ({}, {"type": "merge", "value": [1]}, "merge.value.not_an_object"),
        ({"a": 1}, {"type": "merge", "path": "a", "value": {}}, "merge.target_not_object"),
        ({"n": "1"}, {"type": "increment", "path": "n"}, "increment.not_number"),
        ({"n": True}, {"type": "decrement", "path": "n"}, "decrement.not_number"),
        ({}, {"type": "increment", "path": "n", "by": "2"}, "increment.by_not_number"),
        ({}, {"type": "increment", "path": "n", "by": float("nan")}, "increment.by_not_number"),
        ({"n": 1e308}, {"type": "increment", "path": "n", "by": 1e308}, "increment.overflow"),
        ({"n": -(2**63)}, {"type": "decrement", "path": "n"}, "decrement.overflow"),
        ({"l": {}}, {"type": "append", "path": "l", "value": 1}, "append.type_mismatch"),
        ({}, {"type": "append", "path": "l"}, "append.value_missing"),
        ({}, "set", "op.not_an_object"),
        ({}, None, "op.not_an_object"),
        ({}, {"type": "set", "path": ["a", ""], "value": 1}, "path.invalid"),
        ({}, {"type": "set", "path": ["a"] * 33, "value": 1}, "path.too_deep"),
    ],
)
def test_an_op_that_does_not_fit_names_itself(before: Any, op: dict[str, Any], code: str) -> None:
    with pytest.raises(UpdateError) as caught:
        apply_ops(
            before,
            [
                {"type": "set", "path": "fine", "value": 1}
                if isinstance(before, dict)
                else {"type": "append", "value": 1},
                op,
            ],
        )
    assert (caught.value.index, caught.value.code) == (1, code)


@pytest.mark.parametrize("ops", [None, "set", 5, {"a", "b"}])
async def test_what_is_no_list_of_ops_says_what_was_expected(ops: Any) -> None:
    ctx = fake_context()
    await ctx.state.set("g", "k", {"a": 1})
    with pytest.raises(UpdateError, match=r"expected a list of ops such as \{'type': 'set', .*\}, got"):
        await ctx.state.update("g", "k", ops)
    with pytest.raises(UpdateError, match=r"ops\.not_a_list"):
        await ctx.streams.todo.update("g", "k", ops)
    assert await ctx.state.get("g", "k") == {"a": 1}
