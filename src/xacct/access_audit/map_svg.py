"""The map as a picture: SVG without scripts, styles or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from xacct.access_audit.access_map import AccessMap, MapEdge, MapNode
from xacct.access_audit.contents import EdgeState
from xacct.access_audit.map_layout import LABEL_WIDTH, Box, Layout, Line, lay_out

__all__ = ["map_svg", "sentence"]

# The colors for a white background. A page can replace them by the classes.
_COLORS: dict[EdgeState, str] = {"decided": "#4a6fa5", "half": "#8a8f98", "stranger": "#c62828"}
_TITLE_LENGTH = 35
# The size of a title of up to so many characters.
_TITLE_SIZES = ((25, 13), (30, 11.5), (_TITLE_LENGTH, 10))
_SUBTITLE_LENGTH = 38
_LABEL_LENGTH = 31
_STATES: dict[EdgeState, str] = {
    "decided": "can get to",
    "half": "may get to (only one side allows it or was read)",
    "stranger": "can get to, although no policy names them,",
}


def map_svg(access_map: AccessMap) -> str:
    """Return a map as an SVG element.

    It has a title and a description, each node and edge has a title with its whole text, and colors can be set by the
    classes ``node``, ``edge``, ``label`` and the kinds and states.
    """
    layout = lay_out(access_map)
    return "\n".join(_parts(access_map, layout))


def sentence(edge: MapEdge, access_map: AccessMap) -> str:
    """Return an edge in words."""
    source, target = (access_map.by_key[key] for key in (edge.source, edge.target))
    number = f" ({edge.ways:,} ways)" if edge.ways > 1 else ""
    if len(edge.conditions) > 1:
        needs = f", if one of {edge.label} is met"
    else:
        needs = f", if {edge.label} is met" if edge.label else ""
    return f"{_name(source)} {_STATES[edge.state]} {_name(target)}{number}{needs}"


def _name(node: MapNode) -> str:
    return f"{node.title} ({node.subtitle})" if node.subtitle else node.title


def _parts(access_map: AccessMap, layout: Layout) -> Iterator[str]:
    width, height = f"{layout.width:g}", f"{layout.height:g}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" aria-labelledby="map-title map-desc" font-family="system-ui, sans-serif" font-size="13">'
    )
    yield "<title id='map-title'>Who gets in</title>"
    described = f"{len(access_map.nodes)} nodes in {len(layout.layers)} columns, and {len(access_map.edges)} edges"
    yield f"<desc id='map-desc'>{described}. The table below the picture has the same ways.</desc>"
    yield "<defs>"
    for state, color in _COLORS.items():
        yield (
            f'<marker id="arrow-{state}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path class="arrow {state}" d="M0 0.5 L7.5 4 L0 7.5 Z" fill="{color}"/></marker>'
        )
    yield "</defs>"
    for x, name in zip(layout.layers, _column_names(access_map, len(layout.layers))):
        yield f'<text class="column" x="{x:g}" y="14" font-size="11" fill="#5f6672">{name}</text>'
    # The worst on top of the others.
    for line in reversed(layout.lines):
        yield _edge(line, access_map)
    for box in layout.boxes:
        yield _node(box)
    yield "</svg>"


def _column_names(access_map: AccessMap, columns: int) -> list[str]:
    names = []
    for layer in range(columns):
        kinds = {node.kind for node in access_map.nodes if node.layer == layer}
        if layer == 0:
            names.append("WHO")
        elif kinds == {"resource"}:
            names.append("RESOURCES")
        else:
            names.append("ROLES" if layer == 1 else "ROLES FROM THERE")
    return names


def _edge(line: Line, access_map: AccessMap) -> str:
    edge, color = line.edge, _COLORS[line.edge.state]
    dash = ' stroke-dasharray="6 4"' if edge.state == "half" else ""
    weight = 2 if edge.state == "stranger" else 1.5
    drawn = f'fill="none" stroke="{color}" stroke-width="{weight}"{dash} marker-end="url(#arrow-{edge.state})"'
    parts = [
        f'<g class="edge {edge.state}"><title>{_text(sentence(edge, access_map))}</title>',
        f'<path d="{_curve(line)}" {drawn}/>',
    ]
    if text := _shortened(_label(edge), _LABEL_LENGTH):
        x, y = line.points[-1]
        parts.append(
            f'<text class="label" x="{x - 12:g}" y="{y - 5:g}" text-anchor="end" font-size="10.5" fill="#5f6672">'
            f"{_text(text)}</text>"
        )
    return "".join([*parts, "</g>"])


def _label(edge: MapEdge) -> str:
    """Return what is written on an edge: the number of ways, and the condition keys without their operators."""
    if len(edge.conditions) > 1:
        needs = edge.label
    elif edge.label:
        # The claims of identity providers have its name before them.
        keys = [condition.rpartition(" ")[2] for conditions in edge.conditions for condition in conditions]
        needs = f"if {', '.join(key.rpartition(':')[2] if '.' in key else key for key in keys)}"
    elif edge.state == "stranger":
        needs = "no conditions"
    else:
        return f"{edge.ways:,} ways" if edge.ways > 1 else ""
    return f"{edge.ways:,} × {needs}" if edge.ways > 1 else needs


def _curve(line: Line) -> str:
    """Return the path of an edge: bends between the columns, and a straight piece before its end."""
    (x, y), *others = line.points
    if line.below is not None:
        return _way_below(line.points[0], line.points[-1], line.below)
    parts = [f"M{x:g} {y:g}"]
    # Points come in pairs: where an edge enters a column, and where it leaves it.
    for index in range(0, len(others), 2):
        to_x, to_y = others[index]
        bend = to_x - LABEL_WIDTH
        half = (x + bend) / 2
        parts.append(f"C{half:g} {y:g} {half:g} {to_y:g} {bend:g} {to_y:g} L{to_x:g} {to_y:g}")
        if index + 1 < len(others):
            x, y = others[index + 1]
            parts.append(f"L{x:g} {y:g}")
    return " ".join(parts)


def _way_below(start: tuple[float, float], end: tuple[float, float], below: float) -> str:
    """Return the path of an edge that leads back: down, to the left below all nodes, and up, with round corners."""
    (x, y), (to_x, to_y) = start, end
    right, left = x + 24, to_x - 24
    return (
        f"M{x:g} {y:g} Q{right:g} {y:g} {right:g} {y + 14:g} V{below - 10:g} "
        f"Q{right:g} {below:g} {right - 12:g} {below:g} "
        f"H{left + 12:g} Q{left:g} {below:g} {left:g} {below - 10:g} V{to_y + 10:g} "
        f"Q{left:g} {to_y:g} {left + 12:g} {to_y:g} H{to_x:g}"
    )


def _node(box: Box) -> str:
    node, x, y = box.node, box.x, box.y
    several = len(node.members) > 1
    where = "inside" if node.inside else "outside"
    fill, stroke = ("#eef3fa", "#9db4d3") if node.inside else ("#fff6ec", "#dcb98a")
    shape = f'width="{box.width:g}" height="{box.height:g}" rx="6" fill="{fill}" stroke="{stroke}" class="box"'
    # A second sheet behind it shows that it stands for several.
    behind = f'<rect x="{x + 4:g}" y="{y + 4:g}" {shape}/>' if several else ""
    middle = y + box.height / 2
    title = _shortened(node.title, _TITLE_LENGTH)
    size = next(size for length, size in _TITLE_SIZES if len(title) <= length)
    name = _text(f"{_name(node)}: {_members(node)}")
    return (
        f'<g class="node {node.kind} {where}"><title>{name}</title>{behind}<rect x="{x:g}" y="{y:g}" {shape}/>'
        f'<text class="title" x="{x + 12:g}" y="{middle - 4:g}" font-weight="600" font-size="{size}" fill="#1d2330">'
        f"{_text(title)}</text>"
        f'<text class="subtitle" x="{x + 12:g}" y="{middle + 13:g}" font-size="11" fill="#5f6672">'
        f"{_text(_shortened(node.subtitle, _SUBTITLE_LENGTH))}</text></g>"
    )


def _members(node: MapNode, most: int = 10) -> str:
    left = len(node.members) - most
    return ", ".join(node.members[:most]) + (f" and {left:,} more" if left > 0 else "")


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _text(text: str) -> str:
    # XML cannot express control characters.
    return escape("".join(c if c.isprintable() else " " for c in text), {'"': "&quot;", "'": "&#39;"})
