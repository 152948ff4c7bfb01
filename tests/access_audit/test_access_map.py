"""The map of who gets in: what is a node, what is folded, and in which column it is."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.access_audit.report_generator import NOW, account_ids, make_report

from xacct.access_audit.access_map import AccessMap, MapNode
from xacct.access_audit.report import AuditReport, Edge, EdgeState

INSIDE = account_ids(40)
ONE, TWO, THREE = INSIDE[:3]
OUTSIDE = "999999999999"
BUCKET = "arn:aws:s3:::secrets"
EXTERNAL_ID = ("StringEquals sts:ExternalId",)


def role(account: str, name: str = "Reader") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def way(
    source: str, target: str, *, state: EdgeState = "decided", conditions: tuple[str, ...] = (), name: str = "",
    account: str = ONE, owner: str = "",
) -> Edge:  # fmt: skip
    account = target.split(":")[4] or account
    return Edge(source=source, source_name=name, target=target, account=account, state=state, conditions=conditions,
                owner=owner)  # fmt: skip


def map_of(*edges: Edge) -> AccessMap:
    return AccessMap.of(AuditReport(findings=(), accounts=dict.fromkeys(INSIDE, ""), edges=edges, now=NOW))


def titled(access_map: AccessMap, title: str) -> MapNode:
    (node,) = [node for node in access_map.nodes if node.title == title]
    return node


def test_a_report_without_ways_has_an_empty_map() -> None:
    assert map_of() == AccessMap(nodes=(), edges=())


@pytest.mark.parametrize(
    ("source", "kind", "title", "subtitle"),
    [
        ("*", "anyone", "Anybody", "on the internet"),
        ("o-abcdefghij", "organization", "o-abcdefghij", "all accounts of the organization"),
        (OUTSIDE, "account", OUTSIDE, "account outside"),
        (f"arn:aws:iam::{OUTSIDE}:root", "account", OUTSIDE, "account outside"),
        (TWO, "account", TWO, "your account"),
        (role(OUTSIDE, "team/deploy"), "role", "deploy", f"in {OUTSIDE}"),
        (f"arn:aws:iam::{OUTSIDE}:user/team/ada", "principal", "ada", f"in {OUTSIDE}"),
        ("events.amazonaws.com", "service", "events.amazonaws.com", "AWS service"),
        ("accounts.google.com", "provider", "accounts.google.com", "identity provider"),
        (f"arn:aws:iam::{ONE}:oidc-provider/gitlab.com", "provider", "gitlab.com", "identity provider"),
        (f"arn:aws:iam::{ONE}:saml-provider/Okta", "provider", "Okta", "identity provider"),
        ("arn:odd", "provider", "arn:odd", "identity provider"),
    ],
)
def test_a_way_starts_from_a_node_that_says_what_it_is(source: str, kind: str, title: str, subtitle: str) -> None:
    node = map_of(way(source, role(ONE))).nodes[0]
    assert (node.kind, node.title, node.subtitle, node.layer) == (kind, title, subtitle, 0)
    assert node.inside == (source == TWO)


def test_an_account_is_one_node_with_the_name_that_any_way_has_for_it() -> None:
    drawn = map_of(way(OUTSIDE, role(ONE), name="Datadog"), way(OUTSIDE, role(TWO)), way(role(OUTSIDE), role(THREE)))
    node = titled(drawn, "Datadog")
    assert node.subtitle == f"account outside {OUTSIDE}"
    assert f"in Datadog {OUTSIDE}" in [node.subtitle for node in drawn.nodes]


def test_roles_are_before_the_resources_that_they_lead_to() -> None:
    drawn = map_of(way(OUTSIDE, role(ONE, "entry")), way(role(ONE, "entry"), role(TWO, "next")),
                   way(role(TWO, "next"), BUCKET), way("*", "arn:aws:s3:::site"))  # fmt: skip
    layers = {node.title: node.layer for node in drawn.nodes}
    assert layers == {OUTSIDE: 0, "Anybody": 0, "entry": 1, "next": 2, "s3:secrets": 3, "s3:site": 3}


def test_ways_in_a_circle_are_drawn() -> None:
    a, b, c = (role(ONE, name) for name in "abc")
    drawn = map_of(way(OUTSIDE, a), way(a, b), way(b, a), way(c, c))
    assert len(drawn.edges) == 4
    assert titled(drawn, OUTSIDE).layer == 0
    assert titled(drawn, "a").layer < titled(drawn, "b").layer


def test_an_edge_has_its_state_and_its_conditions() -> None:
    (edge,) = map_of(way(OUTSIDE, role(ONE), state="half", conditions=EXTERNAL_ID)).edges
    assert (edge.state, edge.conditions, edge.ways) == ("half", (EXTERNAL_ID,), 1)
    assert edge.label == "StringEquals sts:ExternalId"


def test_the_worst_edges_are_first() -> None:
    states: tuple[EdgeState, ...] = ("decided", "stranger", "half")
    drawn = map_of(*(way(OUTSIDE, role(ONE, state), state=state) for state in states))
    assert [edge.state for edge in drawn.edges] == ["stranger", "half", "decided"]


def test_ways_to_roles_that_aws_made_are_left_out_and_said() -> None:
    drawn = map_of(way("rds.amazonaws.com", role(ONE), owner="service-linked role"), way(OUTSIDE, role(ONE)))
    assert [node.title for node in drawn.nodes] == [OUTSIDE, "Reader"]
    assert drawn.notes == ("Not shown: 1 way to roles that AWS made, which are expected.",)


# Folding -------------------------------------------------------------------------------------------------------------


def test_few_nodes_are_not_folded() -> None:
    drawn = map_of(*(way(OUTSIDE, role(account)) for account in INSIDE[:10]))
    assert len(drawn.nodes) == 11
    assert drawn.notes == ()


def test_many_roles_of_the_same_shape_are_one_node() -> None:
    drawn = map_of(*(way(OUTSIDE, role(account)) for account in INSIDE))
    node = titled(drawn, "Reader")
    assert node.subtitle == "in 40 accounts"
    assert set(node.members) == {role(account) for account in INSIDE}
    assert [edge.ways for edge in drawn.edges] == [40]
    assert drawn.notes == ("Those with the same name and shape are drawn as one, with their number.",)


def test_accounts_of_the_same_shape_are_one_node_and_others_are_not() -> None:
    partners = [f"{900_000_000_000 + index}" for index in range(37)]
    drawn = map_of(*(way(account, role(ONE)) for account in partners), way("888888888888", role(TWO, "Other")))
    node = titled(drawn, "37 accounts")
    assert node.subtitle == "outside, like 900000000000"
    assert titled(drawn, "888888888888").members == ("888888888888",)


def test_roles_with_the_same_name_but_other_conditions_are_apart() -> None:
    drawn = map_of(*(way(OUTSIDE, role(account), conditions=EXTERNAL_ID if index % 2 else ())
                     for index, account in enumerate(INSIDE)))  # fmt: skip
    nodes = [node for node in drawn.nodes if node.kind == "role"]
    assert sorted(len(node.members) for node in nodes) == [20, 20]


def test_the_same_name_in_another_state_is_not_hidden_by_folding() -> None:
    ways = [way(OUTSIDE, role(account)) for account in INSIDE[1:]]
    drawn = map_of(*ways, way("*", role(ONE), state="stranger"))
    stranger = drawn.edges[0]
    assert stranger.state == "stranger"
    assert drawn.by_key[stranger.target].members == (role(ONE),)


@pytest.mark.parametrize("accounts", [2, 50, 1_000])
def test_the_map_of_an_organization_fits_a_page_and_counts_every_way(accounts: int) -> None:
    report = make_report(accounts)
    drawn = AccessMap.of(report)
    assert drawn.is_small
    assert max(Counter(node.layer for node in drawn.nodes).values()) <= 16
    assert len(drawn.edges) <= 48
    assert sum(edge.ways for edge in drawn.edges) == sum(not edge.owner for edge in report.edges)
    assert not any("too much" in note for note in drawn.notes)


def test_what_does_not_fit_is_put_together_and_said() -> None:
    states: tuple[EdgeState, ...] = ("decided", "half")
    edges = [
        way(f"arn:aws:iam::{OUTSIDE}:user/u{number}", role(account, f"r{number * 7 % 60}"), state=states[number % 2])
        for number in range(300)
        for account in INSIDE[number % 5 :: 5]
    ]
    drawn = map_of(*edges, way("*", role(ONE, "open"), state="stranger"))
    assert drawn.is_small
    assert sum(edge.ways for edge in drawn.edges) == len(edges) + 1
    rest = [node.title for node in drawn.nodes if node.title.startswith("and ")]
    assert any(title.endswith("more roles") for title in rest)
    assert any("too much for one map" in note for note in drawn.notes)
    # The worst is still a node of its own.
    assert titled(drawn, "open").members == (role(ONE, "open"),)


def test_many_different_conditions_between_two_nodes_are_one_edge() -> None:
    drawn = map_of(*(way(OUTSIDE, role(account, "Reader"), conditions=(f"StringEquals aws:PrincipalTag/{number}",))
                     for number, account in enumerate(INSIDE)))  # fmt: skip
    (edge,) = drawn.edges
    assert edge.label == "40 different sets of conditions"


def test_the_same_report_has_the_same_map_whatever_the_order_of_its_ways() -> None:
    report = make_report(50)
    turned = AuditReport(findings=(), accounts=report.accounts, edges=report.edges[::-1], now=NOW)
    assert AccessMap.of(turned) == AccessMap.of(report)
