"""The app: help, versions, usage errors, completion, and what a missing extra says."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from inspect import getdoc

import pytest
from tests.cli.command import Command

from xacct.__main__ import main
from xacct.cli.overview import COMMANDS, DEBUG, VERBOSE

FOR_PEOPLE = [name for commands in COMMANDS.values() for name in commands if name not in ("exec", "credentials")]
SUMMARIES = {name: summary for commands in COMMANDS.values() for name, summary in commands.items()}


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["-v", "--help"]], ids=" ".join)
def test_every_command_is_listed_with_its_summary(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    printed = capsys.readouterr().out
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    assert [name for name, summary in SUMMARIES.items() if f"{name} {summary}" not in lines] == []
    assert "Exit codes: 0 nothing to do" in printed
    assert max(map(len, printed.splitlines())) < 80


def test_titles_are_bold_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(["--help"])
    assert "\n\x1b[1mAudit\x1b[0m\n" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["--help"])
    assert "\nAudit\n" in capsys.readouterr().out


def test_the_list_has_the_options_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The list is printed without the framework, which prints the options of each command."""
    main(["list", "--help"])
    of_a_command = " ".join(capsys.readouterr().out.split())
    main(["--help"])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    everywhere = lines[lines.index("Options of all commands") + 1 : lines.index("Options of all commands") + 3]
    shown = [f"--verbose -v {VERBOSE}", f"--debug {DEBUG}"]
    assert [text for text in shown if text not in of_a_command] == []
    assert everywhere == [f"-v, --verbose {VERBOSE}", f"--debug {DEBUG}"]


def test_the_list_needs_no_extra() -> None:
    hidden = "import sys; sys.modules['cyclopts'] = sys.modules['rich'] = None"
    code = f"{hidden}; from xacct.__main__ import main; sys.exit(main(['--help']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Usage: xacct COMMAND")


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_the_help_of_a_command_says_what_it_does_and_has_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(f"Usage: xacct {name}")
    assert "Example: " in printed
    assert f"xacct {name}" in printed.partition("Example: ")[2]


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_the_lines_of_a_help_fit_a_terminal_which_would_wrap_them_again(name: str) -> None:
    command = import_module(f"xacct.cli.{name.replace('-', '_')}").command
    text = (getdoc(command) or "").partition("\n\nArgs:")[0]
    paragraphs = [paragraph.splitlines() for paragraph in text.split("\n\n")]
    assert paragraphs
    assert [line for lines in paragraphs if len(lines) > 1 for line in lines if len(line) >= 80] == []


@pytest.mark.parametrize("name", ["exec", "credentials"])
def test_the_help_of_a_command_for_programs_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"xacct {name}" in capsys.readouterr().out.partition("example: ")[2]


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{version('xacct')}\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["grants"], 'Unknown command "grants"'),
        (["list", "--formt", "json"], "Unknown option: --formt. Did you mean --format?"),
        (["list", "--format", "yaml"], "Choose from"),
        (["show"], "requires an argument"),
    ],
)
def test_wrong_usage_is_explained(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    error, reason, advice = printed.err.splitlines()
    assert error == "Error: the command line is not valid"
    assert why in reason
    assert advice == "Do:    Add --help to see the arguments and examples"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell: str, command: Command) -> None:
    ended = command("--install-completion", "--shell", shell, "--output", "completion")
    assert ended.code == 0, ended.err
    script = (command.folder / "completion").read_text()
    assert [name for name in SUMMARIES if name not in script] == []


def test_without_the_extra_it_says_what_to_install() -> None:
    hidden = "import sys; sys.modules['cyclopts'] = None; from xacct.__main__ import main; sys.exit(main(['list']))"
    run = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("xacct: this command needs an extra: pip install 'xacct[cli]'")


def test_more_is_said_only_on_request(command: Command) -> None:
    words = ("whoami", "--profile", "nobody")
    brief, more, all_ = (command(*words, *extra) for extra in ((), ("-v",), ("--debug",)))
    assert len(brief.err.splitlines()) == 3
    assert more.err.startswith(brief.err)
    assert "Traceback" not in more.err
    assert "Traceback" in all_.err
    assert all_.code == 1
