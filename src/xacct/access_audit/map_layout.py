"""Where the nodes and the edges of a map are drawn: in columns, with few crossings, in pixels.

The nodes of a column are ordered by the mean place of what they have edges with (the barycenter method), and then moved
as near to it as the order and the gaps allow. An edge that passes a column has a place of its own there, between nodes.
Each edge ends at its own height, on a straight piece on which its label fits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from attrs import define, frozen

from xacct.access_audit.access_map import AccessMap, MapEdge, MapNode

__all__ = ["Box", "Layout", "Line", "lay_out"]

NODE_WIDTH = 250
LABEL_WIDTH = 176
"""The straight piece before the end of an edge, in pixels."""

_BEND_WIDTH = 104
_COLUMN = NODE_WIDTH + LABEL_WIDTH + _BEND_WIDTH
_NODE_HEIGHT = 46
_PORT = 21
_GAP = 16
_LANE_HEIGHT = 12
_MARGIN = 12
# The room on the right for edges that lead back.
_BACK = 40
_TOP = 34
_SWEEPS = 8


@frozen
class Box:
    """A node with its place: the left upper corner and the size."""

    node: MapNode
    x: float
    y: float
    height: float
    width: float = NODE_WIDTH


@frozen
class Line:
    """An edge with its way.

    Attributes:
        edge: the edge.
        points: its start, a pair of points in each column on the way, and its end.
        below: the height at which it passes below all nodes, if it leads back to the same or an earlier column.
    """

    edge: MapEdge
    points: tuple[tuple[float, float], ...]
    below: float | None = None


@frozen
class Layout:
    """A map that is laid out.

    Attributes:
        boxes: the nodes.
        lines: the edges.
        layers: the left edge of each column.
        width: of the whole.
        height: of the whole.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    layers: tuple[float, ...]
    width: float
    height: float


@define(eq=False)
class _Cell:
    """What has a place in a column: a node, or a lane for an edge that passes."""

    height: float
    node: MapNode | None = None
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def lay_out(access_map: AccessMap) -> Layout:
    """Return where to draw a map."""
    cells = {node.key: _Cell(height=_NODE_HEIGHT, node=node) for node in access_map.nodes}
    columns: dict[int, list[_Cell]] = defaultdict(list)
    for node in access_map.nodes:
        columns[node.layer].append(cells[node.key])
    paths = [(edge, _path(edge, access_map.by_key, cells, columns)) for edge in access_map.edges]
    for key, cell in cells.items():
        ports = sum(edge.target == key for edge in access_map.edges)
        cell.height = max(_NODE_HEIGHT, ports * _PORT + 10)
    ordered = [columns[layer] for layer in sorted(columns)]
    _place(ordered, [path for _, path in paths])
    bottom = max((cell.y + cell.height for column in ordered for cell in column), default=0)
    lefts = tuple(float(_MARGIN + _COLUMN * layer) for layer in range(len(ordered)))
    left_of = {id(cell): left for column, left in zip(ordered, lefts) for cell in column}
    ends = _ends(paths)
    boxes = tuple(
        Box(node=cell.node, x=left_of[id(cell)], y=cell.y, height=cell.height)
        for column in ordered
        for cell in column
        if cell.node is not None
    )
    lines = []
    for index, (edge, path) in enumerate(paths):
        leads_back = left_of[id(path[-1])] <= left_of[id(path[0])]
        bottom += _LANE_HEIGHT * leads_back
        lines.append(_line(edge, path, left_of, ends[index], bottom if leads_back else None))
    loops = any(line.below is not None for line in lines)
    width = (lefts[-1] if lefts else 0) + NODE_WIDTH + _MARGIN + _BACK * loops
    return Layout(boxes=boxes, lines=tuple(lines), layers=lefts, width=width, height=bottom + _MARGIN)


def _path(
    edge: MapEdge, nodes: Mapping[str, MapNode], cells: Mapping[str, _Cell], columns: Mapping[int, list[_Cell]]
) -> list[_Cell]:
    """Return what an edge passes, and add a lane to each column between its ends."""
    first, last = nodes[edge.source].layer, nodes[edge.target].layer
    lanes = [_Cell(height=_LANE_HEIGHT) for _ in range(first + 1, last)]
    for layer, lane in zip(range(first + 1, last), lanes):
        columns[layer].append(lane)
    return [cells[edge.source], *lanes, cells[edge.target]]


def _place(columns: Sequence[list[_Cell]], paths: Sequence[list[_Cell]]) -> None:
    """Order the cells of each column, and set their places."""
    before: dict[int, list[_Cell]] = defaultdict(list)
    after: dict[int, list[_Cell]] = defaultdict(list)
    for path in paths:
        for one, two in pairwise(path):
            after[id(one)].append(two)
            before[id(two)].append(one)
    for column in columns:
        _stack(column)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        around = before if forward else after
        for column in columns if forward else reversed(columns):
            column.sort(key=lambda cell: _mean([other.middle for other in around[id(cell)]], cell.middle))
            _stack(column)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            wanted = [
                _mean([other.middle for other in (*before[id(cell)], *after[id(cell)])], cell.middle) for cell in column
            ]
            _move_near(column, wanted)
    top = min((cell.y for column in columns for cell in column), default=0)
    for column in columns:
        for cell in column:
            cell.y = round(cell.y - top + _TOP, 1)


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _stack(column: Sequence[_Cell]) -> None:
    y = 0.0
    for cell in column:
        cell.y = y
        y += cell.height + _GAP


def _move_near(column: Sequence[_Cell], wanted: Sequence[float]) -> None:
    """Move cells as near to the wanted middles as possible, in their order and with gaps between them.

    Least squares under these conditions: the pool-adjacent-violators algorithm on the places less the sizes before.
    """
    offset = 0.0
    blocks: list[tuple[float, int]] = []
    offsets = []
    for cell, middle in zip(column, wanted):
        offsets.append(offset)
        blocks.append((middle - cell.height / 2 - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (high, n), (low, m) = blocks[-2:]
            blocks[-2:] = [((high * n + low * m) / (n + m), n + m)]
        offset += cell.height + _GAP
    places = [place for place, number in blocks for _ in range(number)]
    for cell, place, before in zip(column, places, offsets):
        cell.y = place + before


def _ends(paths: Sequence[tuple[MapEdge, list[_Cell]]]) -> dict[int, float]:
    """Return the height at which each edge ends: one below the other, in the order in which they come."""
    arriving: dict[str, list[int]] = defaultdict(list)
    for index, (edge, _) in enumerate(paths):
        arriving[edge.target].append(index)
    ends: dict[int, float] = {}
    for indexes in arriving.values():
        cell = paths[indexes[0]][1][-1]
        indexes.sort(key=lambda index: paths[index][1][-2].middle)
        first = cell.middle - (len(indexes) - 1) * _PORT / 2
        ends |= {index: first + place * _PORT for place, index in enumerate(indexes)}
    return ends


def _line(edge: MapEdge, path: Sequence[_Cell], left_of: Mapping[int, float], end: float, below: float | None) -> Line:
    source, target = path[0], path[-1]
    points = [(left_of[id(source)] + NODE_WIDTH, source.middle)]
    for lane in path[1:-1]:
        points += [(left_of[id(lane)], lane.middle), (left_of[id(lane)] + NODE_WIDTH, lane.middle)]
    return Line(edge=edge, points=(*points, (left_of[id(target)], end)), below=below)
