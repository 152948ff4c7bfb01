"""The map of who gets in: the ways of a report as a graph that a person can follow, with what has one shape folded.

How much is folded depends on how much there is. The first of these that is small enough is shown:

1. each account, principal, role and resource is a node of its own;
2. those with the same name and the same ways from and to the same nodes are one node, such as "37 accounts";
3. those with the same name and ways from and to nodes of the same names are one node;
4. those with the same name are one node;
5. in addition, those with the fewest ways are one node, such as "and 212 more roles". The map says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from attrs import evolve, frozen

from xacct.access_audit.contents import Edge, EdgeState, ReportContents
from xacct.access_audit.map_names import Naming, NodeKind, NodeName, titles
from xacct.access_audit.table import number

__all__ = ["AccessMap", "MapEdge", "MapNode"]

# More nodes in a column, more columns, or more edges than that cannot be followed by eye.
_NODES_OF_A_LAYER = 16
_LAYERS = 6
_EDGES = 48
# More edges between the same two nodes than that are drawn as one.
_SETS_OF_CONDITIONS = 3
# More nodes than that are not laid out to see whether they fit.
_NODES = 100

STATES: tuple[EdgeState, ...] = ("stranger", "half", "decided")
"""The worst first."""


@frozen(kw_only=True)
class MapNode:
    """Who gets in, or what they get to: one, or several of the same shape.

    Attributes:
        key: identifies the node in its map, such as ``n3``.
        kind: what it is.
        inside: whether it belongs to an account that was audited.
        members: the IDs and ARNs of what is folded into the node.
        title: what it is called.
        subtitle: where it is, or what it is.
        layer: the column, from 0. Ways lead from a lower to a higher one, unless they lead in a circle.
    """

    key: str
    kind: NodeKind
    inside: bool
    members: tuple[str, ...]
    title: str
    subtitle: str
    layer: int


@frozen(kw_only=True)
class MapEdge:
    """The ways from one node to another in the same state, that depend on the same conditions.

    Attributes:
        source: the key of the node where they start.
        target: the key of the node where they end.
        state: whether both sides were decided.
        conditions: the different sets of conditions that they depend on: one, unless they are too many to draw.
        ways: the number of ways.
    """

    source: str
    target: str
    state: EdgeState
    conditions: tuple[tuple[str, ...], ...]
    ways: int

    @property
    def label(self) -> str:
        """What the ways depend on, in a line; empty if they depend on nothing."""
        if len(self.conditions) > 1:
            return f"{len(self.conditions)} different sets of conditions"
        return ", ".join(condition for conditions in self.conditions for condition in conditions)


@frozen(kw_only=True)
class AccessMap:
    """The ways in as a graph.

    Attributes:
        nodes: the nodes by layer; in each, the worst first.
        edges: the edges, the worst first.
        notes: what the map does not show as it is, each in a sentence.
    """

    nodes: tuple[MapNode, ...]
    edges: tuple[MapEdge, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: ReportContents) -> AccessMap:
        """Return the map of a report, with as little folded as keeps it legible."""
        ways = [edge for edge in report.edges if not edge.owner]
        graph = _Graph(ways, report.accounts)
        hidden = len(report.edges) - len(ways)
        notes = [f"Not shown: {number(hidden, 'way')} to roles that AWS made, which are expected."] * bool(hidden)
        for rounds in (None, len(graph.names), 1, 0):
            groups = graph.alike(rounds) if rounds is not None else range(len(graph.names))
            if len(set(groups)) <= _NODES and (folded := graph.folded(groups)).is_small:
                break
        else:
            folded = graph.cut(groups)
            notes.append(
                "There is too much for one map: the nodes with the fewest ways are put together, and say how many more "
                "they stand for."
            )
        if len(folded.nodes) < len(graph.names):
            notes.insert(0, "Those with the same name and shape are drawn as one, with their number.")
        return evolve(folded, notes=tuple(notes))

    @property
    def is_small(self) -> bool:
        """Whether a person can follow it."""
        layers = Counter(node.layer for node in self.nodes)
        largest = max(layers.values(), default=0)
        return largest <= _NODES_OF_A_LAYER and len(layers) <= _LAYERS and len(self.edges) <= _EDGES

    @property
    def by_key(self) -> Mapping[str, MapNode]:
        """The nodes by their key."""
        return {node.key: node for node in self.nodes}


class _Way(NamedTuple):
    """A way between two nodes, by their place in the list of names."""

    source: int
    target: int
    state: EdgeState
    conditions: tuple[str, ...]


# Which nodes are put together: for each, in the order of the names, a value that is the same for those of a group.
_Groups = Sequence[Hashable]
# The ways from a group to another in one state, by what they depend on.
_Ways = dict[tuple[Hashable, Hashable, EdgeState], Counter[tuple[str, ...]]]


class _Graph:
    """The ways, before nodes are put together."""

    def __init__(self, edges: Sequence[Edge], accounts: Mapping[str, str]) -> None:
        naming = Naming.of(edges, accounts)
        ends = [(naming.source(edge.source), naming.target(edge.target, edge.account)) for edge in edges]
        self.names = sorted({name for pair in ends for name in pair}, key=lambda name: (name.kind, name.value))
        place = {name: index for index, name in enumerate(self.names)}
        self.ways = [
            _Way(place[source], place[target], edge.state, edge.conditions)
            for (source, target), edge in zip(ends, edges)
        ]

    def alike(self, rounds: int) -> _Groups:
        """Return which nodes are alike: by their names, and then by what they have ways from and to.

        Args:
            rounds: how far the ways are followed; 0 to compare the names only.
        """
        groups = _numbered([name.shape for name in self.names])
        for _ in range(rounds):
            around: list[set[Hashable]] = [set() for _ in self.names]
            for way in self.ways:
                around[way.source].add(("to", groups[way.target], way.state, way.conditions))
                around[way.target].add(("from", groups[way.source], way.state, way.conditions))
            finer = _numbered([(group, frozenset(ways)) for group, ways in zip(groups, around)])
            if max(finer, default=0) == max(groups, default=0):
                break
            groups = finer
        return groups

    def folded(
        self, groups: _Groups, *, rest: frozenset[Hashable] = frozenset(), sets: int = _SETS_OF_CONDITIONS
    ) -> AccessMap:
        """Return the map with one node for each group.

        Args:
            groups: the group of each node.
            rest: the groups that stand for what does not fit.
            sets: how many edges with different conditions are drawn between the same two nodes.
        """
        members = self._members(groups)
        ways = self._ways_between(groups)
        order = _in_order(members, ways, rest)
        keys = {group: f"n{number}" for number, group in enumerate(order)}
        nodes = [_node(keys[group], members[group], layer, rest=group in rest) for group, layer in order.items()]
        edges = [
            MapEdge(source=keys[source], target=keys[target], state=state, conditions=conditions, ways=ways_of)
            for (source, target, state), count in ways.items()
            for conditions, ways_of in _sets_of_conditions(count, sets)
        ]
        edges.sort(key=lambda e: (STATES.index(e.state), int(e.source[1:]), int(e.target[1:]), e.conditions))
        return AccessMap(nodes=tuple(nodes), edges=tuple(edges))

    def cut(self, groups: _Groups) -> AccessMap:
        """Return a map that is small enough, in which the groups with the fewest ways of each kind are one node."""
        members = self._members(groups)
        by_kind: dict[NodeKind, list[Hashable]] = defaultdict(list)
        for group in _by_rank(members, self._ways_between(groups)):
            by_kind[members[group][0].kind].append(group)
        for kept in (15, 12, 9, 7, 5, 4, 3, 2, 1, 0):
            shown = {group for of_kind in by_kind.values() for group in of_kind[:kept]}
            cut = [group if group in shown else ("and more", name.kind) for group, name in zip(groups, self.names)]
            folded = self.folded(cut, rest=frozenset(cut) - shown, sets=1)
            if folded.is_small:
                break
        return folded

    def _members(self, groups: _Groups) -> dict[Hashable, list[NodeName]]:
        members: dict[Hashable, list[NodeName]] = defaultdict(list)
        for group, name in zip(groups, self.names):
            members[group].append(name)
        return members

    def _ways_between(self, groups: _Groups) -> _Ways:
        ways: _Ways = defaultdict(Counter)
        for way in self.ways:
            ways[groups[way.source], groups[way.target], way.state][way.conditions] += 1
        return ways


def _sets_of_conditions(count: Counter[tuple[str, ...]], sets: int) -> list[tuple[tuple[tuple[str, ...], ...], int]]:
    """Return what the ways of an edge depend on, with their number: apart if it is little, else together."""
    if len(count) <= sets:
        return [((conditions,), number) for conditions, number in count.items()]
    return [(tuple(sorted(count)), count.total())]


def _numbered(values: Iterable[Hashable]) -> list[int]:
    """Return small numbers instead of values, the same for the same value."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]


def _node(key: str, members: list[NodeName], layer: int, *, rest: bool) -> MapNode:
    title, subtitle = titles(members, rest=rest)
    first = members[0]
    return MapNode(
        key=key, kind=first.kind, inside=first.inside, members=tuple(member.value for member in members),
        title=title, subtitle=subtitle, layer=layer,
    )  # fmt: skip


def _in_order(
    members: Mapping[Hashable, list[NodeName]], ways: _Ways, rest: frozenset[Hashable] = frozenset()
) -> dict[Hashable, int]:
    """Return the layer of each group, by layer; in each, the worst and those with the most ways first."""
    ranked = _by_rank(members, ways)
    layers = _layers({group: members[group][0].kind for group in ranked}, {key[:2] for key in ways})
    return {group: layers[group] for group in sorted(ranked, key=lambda group: (layers[group], group in rest))}


def _by_rank(members: Mapping[Hashable, list[NodeName]], ways: _Ways) -> list[Hashable]:
    """Return the groups with the worst ways first, and among them those with the most ways."""
    worst = dict.fromkeys(members, len(STATES))
    total: Counter[Hashable] = Counter()
    for (source, target, state), count in ways.items():
        for group in (source, target):
            worst[group] = min(STATES.index(state), worst[group])
            total[group] += count.total()
    return sorted(members, key=lambda group: (worst[group], -total[group], members[group][0].value))


def _layers(kinds: Mapping[Hashable, NodeKind], pairs: set[tuple[Hashable, Hashable]]) -> dict[Hashable, int]:
    """Return the column of each group: one more than that of all that lead to it. Resources are in the last column.

    Circles are cut where a search from the groups that nothing leads to comes back to where it was.
    """
    after = {group: [target for target in kinds if (group, target) in pairs] for group in kinds}
    layers: dict[Hashable, int] = {}
    order: list[Hashable] = []
    cut: set[tuple[Hashable, Hashable]] = set()

    def search(group: Hashable, path: frozenset[Hashable]) -> None:
        layers[group] = 0
        for target in after[group]:
            if target in path:
                cut.add((group, target))
            elif target not in layers:
                search(target, path | {target})
        order.append(group)

    reached = {target for _, target in pairs}
    for group in sorted(kinds, key=lambda group: group in reached):
        if group not in layers:
            search(group, frozenset({group}))
    for group in reversed(order):
        for target in after[group]:
            if (group, target) not in cut:
                layers[target] = max(layers[target], layers[group] + 1)
    last = max((layer for group, layer in layers.items() if kinds[group] != "resource"), default=0) + 1
    return {group: last if kinds[group] == "resource" else layer for group, layer in layers.items()}
