"""SwitchRoleLink: its URL, parsing, and the values that it refuses."""

from __future__ import annotations

import string
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from xacct.arn import Arn
from xacct.errors import InvalidValue
from xacct.switch_role import COLORS, SwitchRoleLink

ACCOUNT = "111111111111"
NAME = st.text(string.ascii_letters + string.digits + "_+=,.@-", min_size=1, max_size=30)
SEGMENT = st.text([chr(c) for c in range(0x21, 0x7F) if chr(c) != "/"], min_size=1, max_size=10)


@st.composite
def links(draw: st.DrawFn) -> SwitchRoleLink:
    path = "".join(f"{segment}/" for segment in draw(st.lists(SEGMENT, max_size=3)))
    return SwitchRoleLink(
        draw(st.one_of(st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii), st.just("my-company-2"))),
        path + draw(NAME),
        draw(st.none() | st.text(min_size=1).filter(str.isprintable)),
        draw(st.none() | st.sampled_from([*COLORS, "#00FF7f", "abcdef"])),
        draw(st.sampled_from(["aws", "aws-cn", "aws-us-gov", "aws-eusc"])),
    )


@given(links())
def test_a_url_parses_to_the_same_link(link: SwitchRoleLink) -> None:
    assert SwitchRoleLink.parse(link.url) == link
    assert str(link) == link.url
    assert link.url.isascii()
    assert " " not in link.url


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "signin.aws.amazon.com"),
        ("aws-cn", "signin.amazonaws.cn"),
        ("aws-us-gov", "signin.amazonaws-us-gov.com"),
        ("aws-eusc", "signin.amazonaws-eusc.eu"),
    ],
)
def test_each_partition_has_its_own_host(partition: str, host: str) -> None:
    url = SwitchRoleLink(ACCOUNT, "Reader", partition=partition).url
    assert url == f"https://{host}/switchrole?account={ACCOUNT}&roleName=Reader"


@pytest.mark.parametrize("partition", ["aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"])
def test_a_partition_whose_console_is_not_public_is_refused(partition: str) -> None:
    with pytest.raises(InvalidValue, match=r"partition: .* does not publish"):
        SwitchRoleLink(ACCOUNT, "Reader", partition=partition)


def test_an_unknown_partition_is_refused() -> None:
    with pytest.raises(InvalidValue, match="partition"):
        SwitchRoleLink(ACCOUNT, "Reader", partition="aws-moon")


def test_a_plus_and_a_slash_in_the_role_are_escaped() -> None:
    assert "roleName=a%2Fb%2BC%40d" in SwitchRoleLink(ACCOUNT, "a/b+C@d").url


def test_a_leading_slash_is_dropped() -> None:
    assert SwitchRoleLink(ACCOUNT, "/team/Reader") == SwitchRoleLink(ACCOUNT, "team/Reader")


@pytest.mark.parametrize("color", ["red", "Red", "f2b0a9", "F2B0A9", "#f2b0a9"])
def test_a_colour_is_a_name_or_six_hex_digits(color: str) -> None:
    assert SwitchRoleLink(ACCOUNT, "Reader", color=color).color == "f2b0a9"


@pytest.mark.parametrize("color", ["purple", "", "f2b0a", "#f2b0a9a", "١٢٣٤٥٦", 0xF2B0A9])
def test_any_other_colour_is_refused_with_the_valid_ones(color: str) -> None:
    with pytest.raises(InvalidValue, match=r"color: .*red, orange, yellow, green, blue, or six hex digits"):
        SwitchRoleLink(ACCOUNT, "Reader", color=color)


def test_path_and_name_have_at_most_64_characters_together() -> None:
    assert SwitchRoleLink(ACCOUNT, "p/" + "r" * 62).role_name.startswith("p/")
    with pytest.raises(InvalidValue, match=r"role_name: .*at most 64 characters; these have 65"):
        SwitchRoleLink(ACCOUNT, "p/" + "r" * 63)


@pytest.mark.parametrize("role", ["", "/", "team/", "a b", "rôle", "a//b", "x\n", None])
def test_an_invalid_role_name_is_refused(role: str) -> None:
    with pytest.raises(InvalidValue, match="role_name"):
        SwitchRoleLink(ACCOUNT, role)


@pytest.mark.parametrize(
    "account", ["12345678901", "1234567890123", "My-Company", "a--b", "-ab", "ab-", "ab", "", None]
)
def test_an_account_that_is_neither_id_nor_alias_is_refused(account: str) -> None:
    with pytest.raises(InvalidValue, match=r"account: .*12 digits; an alias"):
        SwitchRoleLink(account, "Reader")


@pytest.mark.parametrize("name", ["", "two\nlines", 7])
def test_a_display_name_that_is_not_one_line_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="display_name"):
        SwitchRoleLink(ACCOUNT, "Reader", display_name=name)


def test_a_link_can_be_made_from_a_role_arn() -> None:
    link = SwitchRoleLink.for_role(
        Arn.role(ACCOUNT, "Reader", "/team/", "aws-us-gov"), display_name="Prod", color="blue"
    )
    assert link == SwitchRoleLink(ACCOUNT, "team/Reader", "Prod", "83d4e8", "aws-us-gov")
    assert SwitchRoleLink.for_role(f"arn:aws:iam::{ACCOUNT}:role/Reader") == SwitchRoleLink(ACCOUNT, "Reader")


def test_a_role_that_requires_an_external_id_has_no_link() -> None:
    with pytest.raises(InvalidValue, match=r"external_id: .*the console cannot send an external ID.*use assume_role"):
        SwitchRoleLink.for_role(f"arn:aws:iam::{ACCOUNT}:role/Reader", external_id="secret-handshake")


@pytest.mark.parametrize(
    "arn", [f"arn:aws:iam::{ACCOUNT}:user/Reader", f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s", "R"]
)
def test_an_arn_that_is_not_that_of_a_role_is_refused(arn: str) -> None:
    with pytest.raises(InvalidValue, match="role_arn"):
        SwitchRoleLink.for_role(arn)


@pytest.mark.parametrize(
    "url",
    [
        f"https://eu-west-1.signin.aws.amazon.com/switchrole?account={ACCOUNT}&roleName=Reader",
        f"https://SIGNIN.aws.amazon.com/switchrole/?roleName=Reader&account={ACCOUNT}&src=nav&state=a%3Db",
    ],
)
def test_regional_hosts_and_extra_parameters_are_accepted(url: str) -> None:
    assert SwitchRoleLink.parse(url) == SwitchRoleLink(ACCOUNT, "Reader")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "https://[::1",
        f"http://signin.aws.amazon.com/switchrole?account={ACCOUNT}&roleName=Reader",
        f"https://signin.aws.amazon.com.example.org/switchrole?account={ACCOUNT}&roleName=Reader",
        f"https://evilsignin.aws.amazon.com/switchrole?account={ACCOUNT}&roleName=Reader",
        f"https://me@signin.aws.amazon.com/switchrole?account={ACCOUNT}&roleName=Reader",
        f"https://signin.aws.amazon.com/console?account={ACCOUNT}&roleName=Reader",
        f"https://signin.aws.amazon.com/switchrole?account={ACCOUNT}",
        "https://signin.aws.amazon.com/switchrole?roleName=Reader",
        "https://signin.aws.amazon.com/switchrole",
        f"https://signin.aws.amazon.com/switchrole?account={ACCOUNT}&account={ACCOUNT}&roleName=Reader",
        None,
    ],
)
def test_anything_but_a_switch_role_link_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="url"):
        SwitchRoleLink.parse(url)


def test_an_invalid_value_in_a_link_is_named() -> None:
    with pytest.raises(InvalidValue, match="account: '12'"):
        SwitchRoleLink.parse("https://signin.aws.amazon.com/switchrole?account=12&roleName=Reader")


def test_parsing_links_does_not_import_boto3() -> None:
    code = "import sys, xacct.switch_role; sys.exit('botocore' in sys.modules or 'boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
