"""The map as text for other programs: DOT, for Graphviz, and Mermaid, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from xacct.access_audit.access_map import AccessMap, MapEdge, MapNode
from xacct.access_audit.contents import EdgeState

__all__ = ["dot", "mermaid"]

_DOT_STYLES: dict[EdgeState, str] = {
    "decided": "style=solid",
    "half": "style=dashed, color=gray40",
    "stranger": "style=solid, penwidth=2, color=red3",
}
_DOT_SHAPES = {"role": "box", "resource": "cylinder"}


def dot(access_map: AccessMap) -> str:
    """Return a map in the language DOT.

    Source: https://graphviz.org/doc/info/lang.html
    """
    lines = ["digraph access {", "  rankdir=LR;", '  node [shape=oval, fontname="sans-serif"];']
    for node in access_map.nodes:
        fill = "#eef3fa" if node.inside else "#fff6ec"
        shape = _DOT_SHAPES.get(node.kind, "oval")
        lines.append(
            f'  {node.key} [label="{_dot_text(_lines(node))}", shape={shape}, style=filled, fillcolor="{fill}"];'
        )
    for edge in access_map.edges:
        label = f', label="{_dot_text(_label(edge))}"' if _label(edge) else ""
        lines.append(f"  {edge.source} -> {edge.target} [{_DOT_STYLES[edge.state]}{label}];")
    lines += [f"  // {_one_line(note)}" for note in access_map.notes]
    return "\n".join([*lines, "}", ""])


def mermaid(access_map: AccessMap) -> str:
    """Return a map as a Mermaid flowchart.

    Source: https://mermaid.js.org/syntax/flowchart.html
    """
    lines = ["flowchart LR"]
    for node in access_map.nodes:
        text = "<br>".join(map(_mermaid_text, _lines(node).split("\n")))
        left, right = {"role": ("[", "]"), "resource": ("[(", ")]")}.get(node.kind, ("([", "])"))
        lines.append(f'  {node.key}{left}"{text}"{right}')
    for edge in access_map.edges:
        arrow = {"decided": "-->", "half": "-.->", "stranger": "==>"}[edge.state]
        label = f'|"{_mermaid_text(_label(edge))}"|' if _label(edge) else ""
        lines.append(f"  {edge.source} {arrow}{label} {edge.target}")
    inside = ",".join(node.key for node in access_map.nodes if node.inside)
    lines += (
        ["  classDef inside fill:#eef3fa,stroke:#9db4d3,color:#1d2330", f"  class {inside} inside"] if inside else []
    )
    strangers = ",".join(str(index) for index, edge in enumerate(access_map.edges) if edge.state == "stranger")
    lines += [f"  linkStyle {strangers} stroke:#c62828"] if strangers else []
    lines += [f"  %% {_one_line(note)}" for note in access_map.notes]
    return "\n".join([*lines, ""])


def _lines(node: MapNode) -> str:
    return "\n".join(_one_line(text) for text in (node.title, node.subtitle) if text)


def _label(edge: MapEdge) -> str:
    ways = f"{edge.ways:,} ways" if edge.ways > 1 else ""
    return ": ".join(filter(None, (ways, edge.label)))


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _dot_text(text: str) -> str:
    # In a label, a backslash starts an escape such as \N, the name of the node.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _mermaid_text(text: str) -> str:
    # The entities of Mermaid have the form #35; and their number is decimal.
    return "".join(c if c.isalnum() or c in " ,.:/-" else f"#{ord(c)};" for c in _one_line(text))
