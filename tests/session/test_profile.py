from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import botocore.session
import pytest
from hypothesis import given, strategies as st

from xacct.errors import InvalidValue
from xacct.session.profile import profile_block, write_profile

ROLE = "arn:aws:iam::111111111111:role/team/Reader"
BLOCK = profile_block("production", ROLE, source_profile="development")
BEFORE = "# mine\n[default]\nregion = eu-west-1\n\n[profile development]\naws_access_key_id = AKIA\ns3 =\n  x = 1\n"
AFTER = "\n# about staging\n; and more\n[profile staging]\nregion=us-east-1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "aws" / "config"


def test_every_setting_has_the_clis_name() -> None:
    block = profile_block(
        "production",
        ROLE,
        source_profile="development",
        external_id="42",
        mfa_serial="arn:aws:iam::222222222222:mfa/alice",
        session_name="nightly",
        duration=900,
        region="eu-west-1",
    )
    assert block.splitlines() == [
        "[profile production]",
        f"role_arn = {ROLE}",
        "source_profile = development",
        "external_id = 42",
        "mfa_serial = arn:aws:iam::222222222222:mfa/alice",
        "role_session_name = nightly",
        "duration_seconds = 900",
        "region = eu-west-1",
    ]


def test_the_default_profile_has_its_own_header() -> None:
    assert profile_block("default", ROLE, source_profile="development").startswith("[default]\n")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a]b"),
        ("name", "two words"),
        ("source_profile", "x\ny"),
        ("region", "eu west"),
        ("duration", 60),
        ("external_id", "a\nb"),
        ("role_arn", "Reader"),
    ],
)
def test_values_that_would_break_the_file_are_rejected(field: str, value: object) -> None:
    arguments = {"name": "production", "role_arn": ROLE, "source_profile": "development", field: value}
    with pytest.raises(InvalidValue) as caught:
        profile_block(**arguments)  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("block", ["", "role_arn = x"])
def test_only_profiles_are_written(config: Path, block: str) -> None:
    with pytest.raises(InvalidValue, match=r"block: .*profile_block returns"):
        write_profile(block, file=config)


def test_a_new_file_is_readable_by_its_owner_only(config: Path) -> None:
    assert write_profile(BLOCK, file=config) == config
    assert config.read_text() == BLOCK
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700


def test_botocore_reads_it(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.parent.mkdir()
    config.write_text(BEFORE + AFTER)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    write_profile(BLOCK)
    profiles = botocore.session.Session().full_config["profiles"]
    assert profiles["production"] == {"role_arn": ROLE, "source_profile": "development"}
    assert profiles["staging"] == {"region": "us-east-1"}


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_a_new_profile_follows_one_empty_line(config: Path, end: str) -> None:
    config.parent.mkdir()
    config.write_text("[default]\nregion = eu-west-1" + end)
    write_profile(BLOCK, file=config)
    assert config.read_text() == f"[default]\nregion = eu-west-1\n\n{BLOCK}"


def test_the_same_profile_again_changes_nothing(config: Path) -> None:
    config.parent.mkdir()
    config.write_text(BEFORE + BLOCK + AFTER)
    before = config.stat()
    write_profile(BLOCK, file=config)
    assert (config.stat().st_ino, config.read_text()) == (before.st_ino, BEFORE + BLOCK + AFTER)


@pytest.mark.parametrize(
    "header", ["[profile production]", '[ profile "production" ] # old', "[profile  'production']"]
)
def test_a_different_profile_of_the_name_is_replaced_only_with_replace(config: Path, header: str) -> None:
    config.parent.mkdir()
    config.write_text(f"{BEFORE}{header}\nregion = x\n# a comment\nrole_arn = other\n{AFTER}")
    before = config.read_text()
    with pytest.raises(
        InvalidValue, match=r"has another profile of this name. Choose another name, or pass replace=True"
    ):
        write_profile(BLOCK, file=config)
    assert config.read_text() == before
    write_profile(BLOCK, file=config, replace=True)
    assert config.read_text() == BEFORE + BLOCK + AFTER


def test_names_of_profiles_are_case_sensitive(config: Path) -> None:
    for name, role in (("Production", ROLE), ("production", ROLE.replace("Reader", "Writer"))):
        write_profile(profile_block(name, role, source_profile="development"), file=config)
    assert [line for line in config.read_text().splitlines() if line.startswith("[")] == [
        "[profile Production]", "[profile production]",
    ]  # fmt: skip


def test_mode_symbolic_link_and_line_ends_are_kept(config: Path, tmp_path: Path) -> None:
    config.parent.mkdir()
    config.write_bytes(b"[default]\r\nregion = eu-west-1\r\n")
    config.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to(config)
    assert write_profile(BLOCK, file=link) == config
    assert link.is_symlink()
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert config.read_bytes().endswith(BLOCK.replace("\n", "\r\n").encode())


def test_a_failed_write_leaves_the_file_unchanged(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.parent.mkdir()
    config.write_text(BEFORE)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_profile(BLOCK, file=config)
    assert [file.read_text() for file in config.parent.iterdir()] == [BEFORE]


LINES = st.lists(
    st.sampled_from(
        ["", "# note", "; note", "[default]", "[profile a]", "[sso-session production]", "k = v", "  k = v"]
    )
)


@given(LINES, LINES)
def test_other_lines_are_kept(above: list[str], below: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        config.write_text("\n".join([*above, "[profile production]", "region = x", *below]))
        write_profile(BLOCK, file=config, replace=True)
        text = config.read_text()
    first = next((number for number, line in enumerate(below) if line.startswith("[")), len(below))
    before = "".join(f"{line}\n" for line in above)
    assert text.startswith(before + BLOCK)
    assert text.endswith("\n".join(below[first:]))
