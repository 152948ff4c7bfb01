"""The map as SVG, DOT and Mermaid: everything is drawn, and names are text and nothing else."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from tests.access_audit.report_generator import account_ids, make_report

from xacct.access_audit.access_map import AccessMap
from xacct.access_audit.map_layout import LABEL_WIDTH, NODE_WIDTH, lay_out
from xacct.access_audit.map_svg import map_svg, sentence
from xacct.access_audit.map_text import dot, mermaid
from xacct.access_audit.report import AuditReport, Edge

SVG = "{http://www.w3.org/2000/svg}"
NASTY = ['a"b', "x`y`", "<script>alert(1)</script>", '#quot;"]-->z', "%% c", '\\N\\"; evil', "a\nb", "]]>", "&amp;",
         "|p|", "a\x00b\x1b", "\u202eright"]  # fmt: skip


def nasty_map() -> AccessMap:
    ids = account_ids(len(NASTY))
    edges = tuple(
        Edge(source="222222222222", source_name=name, target=f"arn:aws:iam::{account}:role/{name}", account=account,
             state="half", conditions=(f"StringLike {name}",))
        for name, account in zip(NASTY, ids)
    )  # fmt: skip
    return AccessMap.of(evolve(make_report(2), edges=edges, accounts=dict(zip(ids, NASTY))))


def chains() -> AuditReport:
    one, two, three = (f"arn:aws:iam::{account}:role/r" for account in account_ids(3))
    pairs = [("222222222222", one), (one, two), (two, three), (three, "arn:aws:s3:::b"), ("*", "arn:aws:s3:::b"),
             (three, one), (two, two)]  # fmt: skip
    edges = tuple(Edge(source=source, target=target, account="1" * 12, state="decided") for source, target in pairs)
    return evolve(make_report(2), edges=edges)


REPORTS = [make_report(2), make_report(50), make_report(1_000), chains()]


@pytest.fixture(params=REPORTS, ids=["2", "50", "1000", "chains"])
def access_map(request: pytest.FixtureRequest) -> AccessMap:
    return AccessMap.of(request.param)


def test_nodes_do_not_overlap(access_map: AccessMap) -> None:
    layout = lay_out(access_map)
    for one, two in combinations(layout.boxes, 2):
        apart = abs(one.x - two.x) >= NODE_WIDTH or one.y + one.height <= two.y or two.y + two.height <= one.y
        assert apart, (one, two)


def test_everything_is_within_the_picture(access_map: AccessMap) -> None:
    layout = lay_out(access_map)
    for box in layout.boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height
    for line in layout.lines:
        assert all(0 <= x <= layout.width and 0 <= y <= layout.height for x, y in line.points)
        assert line.below is None or line.below <= layout.height


def test_labels_of_edges_have_their_own_place(access_map: AccessMap) -> None:
    ends = [line.points[-1] for line in lay_out(access_map).lines]
    for (x, y), (other_x, other_y) in combinations(ends, 2):
        assert abs(x - other_x) >= LABEL_WIDTH or abs(y - other_y) >= 20


def test_an_edge_passes_no_node(access_map: AccessMap) -> None:
    layout = lay_out(access_map)
    for line in layout.lines:
        for (x, y), (_, leaves_at) in zip(line.points[1:-1:2], line.points[2:-1:2]):
            assert y == leaves_at
            assert not any(box.x == x and box.y < y < box.y + box.height for box in layout.boxes)


def test_edges_lead_to_the_right_unless_they_lead_back(access_map: AccessMap) -> None:
    layout = lay_out(access_map)
    layers = {node.key: node.layer for node in access_map.nodes}
    assert len(layout.lines) == len(access_map.edges)
    for line in layout.lines:
        assert (line.below is None) == (layers[line.edge.source] < layers[line.edge.target])


def test_the_svg_has_every_node_and_edge_with_its_whole_text(access_map: AccessMap) -> None:
    root = ET.fromstring(map_svg(access_map))
    groups = root.findall(f"{SVG}g")
    titles = [group.findtext(f"{SVG}title") for group in groups]
    assert len(groups) == len(access_map.nodes) + len(access_map.edges)
    assert all(any(title and title.startswith(node.title) for title in titles) for node in access_map.nodes)
    assert {sentence(edge, access_map) for edge in access_map.edges} <= set(titles)


def test_the_svg_says_what_it_is_to_those_who_do_not_see_it() -> None:
    root = ET.fromstring(map_svg(AccessMap.of(REPORTS[0])))
    assert root.get("role") == "img"
    labels = [root.find(f"*[@id='{name}']") for name in root.get("aria-labelledby", "").split()]
    assert [label.tag for label in labels if label is not None] == [f"{SVG}title", f"{SVG}desc"]
    assert all(label is not None and label.text for label in labels)


def test_states_are_told_apart_by_more_than_color() -> None:
    edges = tuple(Edge(source="*", target=f"arn:aws:iam::111111111111:role/{state}", account="1" * 12, state=state)
                  for state in ("decided", "half", "stranger"))  # fmt: skip
    root = ET.fromstring(map_svg(AccessMap.of(evolve(make_report(2), edges=edges))))
    paths = {group.get("class"): group.find(f"{SVG}path") for group in root.findall(f"{SVG}g")}
    drawn = {name: (path.get("stroke-dasharray"), path.get("stroke-width")) for name, path in paths.items()
             if path is not None}  # fmt: skip
    assert drawn == {"edge decided": (None, "1.5"), "edge half": ("6 4", "1.5"), "edge stranger": (None, "2")}


def test_names_in_the_svg_are_text() -> None:
    text = map_svg(nasty_map())
    root = ET.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "defs", "marker", "path", "text", "g", "rect"
    }  # fmt: skip
    assert "script>" in "".join(root.itertext())
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)


def test_a_long_name_is_cut_but_whole_in_its_title() -> None:
    name = "R" * 64
    edge = Edge(source="*", target=f"arn:aws:iam::111111111111:role/{name}", account="1" * 12, state="decided")
    root = ET.fromstring(map_svg(AccessMap.of(evolve(make_report(2), edges=(edge,)))))
    texts = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert all(len(text) < 45 for text in texts)
    assert any(name in (element.text or "") for element in root.iter(f"{SVG}title"))


def test_ways_that_lead_back_pass_below_all_nodes() -> None:
    access_map = AccessMap.of(chains())
    layout = lay_out(access_map)
    back = [line for line in layout.lines if line.below is not None]
    titles = [[access_map.by_key[key].members[0] for key in (line.edge.source, line.edge.target)] for line in back]
    one, two, three = (f"arn:aws:iam::{account}:role/r" for account in account_ids(3))
    assert sorted(titles) == [[two, two], [three, one]]
    assert all(line.below is not None and line.below > box.y + box.height for line in back for box in layout.boxes)
    assert len({line.below for line in back}) == 2


def test_an_edge_with_many_different_conditions_says_how_many() -> None:
    edges = tuple(
        Edge(source="222222222222", target=f"arn:aws:iam::{account}:role/r", account=account, state="half",
             conditions=(f"StringEquals aws:PrincipalTag/{account}",))
        for account in account_ids(40)
    )  # fmt: skip
    access_map = AccessMap.of(evolve(make_report(40), edges=edges))
    assert "40 × 40 different sets of con" in map_svg(access_map)
    assert sentence(access_map.edges[0], access_map).endswith(
        "(40 ways), if one of 40 different sets of conditions is met"
    )


def test_an_edge_is_said_in_words() -> None:
    access_map = AccessMap.of(REPORTS[0])
    words = [sentence(edge, access_map) for edge in access_map.edges]
    bucket = "s3:public-site-100000007919 (in Security 100000007919)"
    assert f"Anybody (on the internet) can get to, although no policy names them, {bucket}" in words
    assert any(text.endswith(", if StringEquals sts:ExternalId is met") for text in words)


# DOT and Mermaid -----------------------------------------------------------------------------------------------------

DOT_STRING = r'"(?:[^"\\\n]|\\.)*"'
DOT_LINE = re.compile(
    rf"digraph access {{|  rankdir=LR;|  node \[.*\];|  n\d+ \[label={DOT_STRING}, shape=\w+, style=filled, "
    rf"fillcolor={DOT_STRING}\];|  n\d+ -> n\d+ \[style=\w+[\w, =]*(, label={DOT_STRING})?\];|  //.*|}}"
)
TEXT = r'"(?:[\w ,.:/-]|#\d+;|<br>)*"'
MERMAID_LINE = re.compile(
    rf"flowchart LR|  n\d+(\[{TEXT}\]|\(\[{TEXT}\]\)|\[\({TEXT}\)\])|  n\d+ (-->|-\.->|==>)(\|{TEXT}\|)? n\d+|"
    r"  classDef inside [\w#:,]+|  class [\w,]+ inside|  linkStyle [\d,]+ stroke:#c62828|  %%.*"
)


@pytest.mark.parametrize(("write", "line"), [(dot, DOT_LINE), (mermaid, MERMAID_LINE)])
@pytest.mark.parametrize(
    "drawn", [*map(AccessMap.of, REPORTS), nasty_map()], ids=["2", "50", "1000", "chains", "nasty"]
)
def test_each_line_has_the_form_that_the_language_has(write: object, line: re.Pattern[str], drawn: AccessMap) -> None:
    assert callable(write)
    text = write(drawn)
    # A name cannot start a statement or end a text: each line is one of the few that are written.
    assert [one for one in text.splitlines() if not line.fullmatch(one)] == []
    arrows = re.findall(r"^  n\d+ (?:-->|-\.->|==>|->)", text, re.MULTILINE)
    assert len(arrows) == len(drawn.edges)


def test_the_states_have_their_styles_in_dot_and_mermaid() -> None:
    report = REPORTS[0]
    assert "style=dashed" in report.to_dot()
    assert "color=red3" in report.to_dot()
    assert "-.->" in report.to_mermaid()
    assert "linkStyle 0,1 stroke:#c62828" in report.to_mermaid()


def test_conditions_are_labels_in_dot_and_mermaid() -> None:
    assert 'label="StringEquals sts:ExternalId"' in REPORTS[0].to_dot()
    assert '|"StringEquals sts:ExternalId"|' in REPORTS[0].to_mermaid()
    assert "49 ways" in REPORTS[1].to_dot()
