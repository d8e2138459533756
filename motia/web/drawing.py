"""Flows as SVG: columns from what starts to what follows, without scripts and without fonts of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from motia.web.graph import Edge, Flow, Node

WIDTH, ROW, COLUMN, LINE, MARGIN = 210, 26, 330, 16, 24
_COLOURS = {"http": "#2563eb", "queue": "#16a34a", "cron": "#d97706", "state": "#9333ea", "stream": "#0891b2"}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#111}.t{fill:#555;font-size:11px}.l{fill:#333;font-size:11px;"
    "paint-order:stroke;stroke:#fff;stroke-width:4px}.f{font-size:15px;font-weight:600}rect{fill:#fff;stroke-width:1.5}"
    "path.e{fill:none;stroke:#444;stroke-width:1.3}path.c{stroke-dasharray:6 4}path.v{stroke:#999;stroke-dasharray:2 4}"
)


class Box(NamedTuple):
    """Where a node stands."""

    node: Node
    x: int
    y: int
    height: int


def svg(flows: Sequence[Flow]) -> str:
    """The flows below each other: solid arrows are sent, dashed ones on a condition; pale ones are drawn only."""
    parts: list[str] = []
    top, width = MARGIN, COLUMN
    for flow in (flow.whole() for flow in flows):
        boxes = _placed(flow, 0)
        room = max((_bow(edge, boxes) for edge in flow.edges), default=0)
        boxes = _placed(flow, top + 2 * MARGIN + room)
        parts.append(f'<text class="f" x="{MARGIN}" y="{top + MARGIN // 2}">{_text(flow.name)}</text>')
        parts += [_box(box) for box in boxes.values()]
        parts += [_edge(edge, boxes) for edge in flow.edges]
        top = max((box.y + box.height for box in boxes.values()), default=top) + 2 * MARGIN
        width = max([width, *(box.x + WIDTH + MARGIN for box in boxes.values())])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}">'
        f"<title>{_text(', '.join(flow.name for flow in flows))}</title><style>{_STYLE}</style>"
        '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#444"/></marker></defs><rect width="100%" height="100%"/>'
        f"{''.join(parts)}</svg>\n"
    )


def columns(flow: Flow) -> dict[str, int]:
    """The column of each node: one beyond the furthest that leads to it; what closes a circle is not counted."""
    column = {node.id: 0 for node in flow.nodes}
    following: dict[str, list[str]] = {}
    for edge in flow.edges:
        following.setdefault(edge.source, []).append(edge.target)
    order = _ordered(list(column), following)
    place = {id: number for number, id in enumerate(order)}
    for id in order:
        for target in following.get(id, ()):
            if place[target] > place[id]:
                column[target] = max(column[target], column[id] + 1)
    return column


def _ordered(ids: Sequence[str], following: Mapping[str, Sequence[str]]) -> list[str]:
    """Every node before those it leads to, circles aside. Without recursion: a chain may be long."""
    done: dict[str, None] = {}
    begun: set[str] = set()
    for root in reversed(ids):
        stack = [(root, iter(following.get(root, ())))] if root not in begun else []
        begun.add(root)
        while stack:
            id, rest = stack[-1]
            target = next((item for item in rest if item not in begun), None)
            if target is None:
                done[id] = None
                stack.pop()
            else:
                begun.add(target)
                stack.append((target, iter(following.get(target, ()))))
    return list(reversed(done))


def _placed(flow: Flow, top: int) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    bottom: dict[int, int] = {}
    for id, column in sorted(columns(flow).items(), key=lambda item: item[1]):
        node = next(node for node in flow.nodes if node.id == id)
        height = ROW + LINE * len(node.triggers) + 8
        y = bottom.get(column, top)
        boxes[id] = Box(node, MARGIN + column * COLUMN, y, height)
        bottom[column] = y + height + MARGIN
    return boxes


def _box(box: Box) -> str:
    kind = box.node.kind.removesuffix("-source")
    colour = _COLOURS.get(kind, "#777")
    dashes = "" if kind in _COLOURS and kind == box.node.kind else ' stroke-dasharray="4 3"'
    lines = "".join(
        f'<text class="t" x="{box.x + 12}" y="{box.y + 38 + LINE * number}">{_text(_short(item))}</text>'
        for number, item in enumerate(box.node.triggers)
    )
    tip = _text(box.node.description or box.node.source)
    return (
        f'<g><title>{tip}</title><rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="6" '
        f'stroke="{colour}"{dashes}/><text x="{box.x + 12}" y="{box.y + 20}">{_text(_short(box.node.name))}</text>'
        f"{lines}</g>"
    )


def _edge(edge: Edge, boxes: Mapping[str, Box]) -> str:
    """An arrow: straight to the next column, over what lies between, and under the boxes on its way back."""
    start, end = boxes[edge.source], boxes[edge.target]
    x1, y1, x2, y2 = start.x + WIDTH, start.y + 16, end.x, end.y + 16
    reach = 60
    bow = max(start.height, end.height) + 24 if x2 <= x1 else -_bow(edge, boxes)
    sort = "v" if edge.variant == "virtual" else "c" if edge.conditional else ""
    curve = f"M{x1} {y1}C{x1 + reach} {y1 + bow} {x2 - reach} {y2 + bow} {x2} {y2}"
    x, y = (x1 + x2) // 2, (y1 + y2) // 2 + bow * 3 // 4 - 5
    return (
        f'<path class="e {sort}" d="{curve}" marker-end="url(#a)"/>'
        f'<text class="l" x="{x}" y="{y}" text-anchor="middle">{_text(_short(edge.label, 24))}</text>'
    )


def _bow(edge: Edge, boxes: Mapping[str, Box]) -> int:
    """How far an arrow that passes over other columns bends upwards."""
    passed = (boxes[edge.target].x - boxes[edge.source].x) // COLUMN - 1
    return 48 + 20 * (passed - 1) if passed > 0 else 0


def _short(text: str, length: int = 30) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _text(text: str) -> str:
    return escape("".join(char if char.isprintable() else " " for char in text))
