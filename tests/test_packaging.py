"""What an installed xacct promises about itself."""

from __future__ import annotations

from importlib import metadata, resources

import pytest

import xacct


def test_the_version_is_the_one_of_the_installed_distribution() -> None:
    assert xacct.__version__ == metadata.version("xacct")


def test_type_checkers_are_told_that_the_package_is_typed() -> None:
    assert resources.files("xacct").joinpath("py.typed").is_file()


def test_it_needs_boto3_attrs_and_tenacity_and_nothing_else() -> None:
    required = [line for line in metadata.requires("xacct") or () if "extra ==" not in line]
    assert [line.split(">=")[0] for line in required] == ["attrs", "boto3", "tenacity"]


@pytest.mark.parametrize("name", xacct.__all__)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    assert getattr(xacct, name).__doc__


def test_an_unknown_name_is_an_attribute_error_like_in_any_module() -> None:
    with pytest.raises(AttributeError, match="no attribute 'grant_everything'"):
        getattr(xacct, "grant_everything")  # noqa: B009


def test_dir_lists_the_public_names_before_they_are_loaded() -> None:
    assert set(xacct.__all__) <= set(dir(xacct))
