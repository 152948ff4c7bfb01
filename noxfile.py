"""What a change must pass. `nox` runs it all; `nox -s lint` runs one session."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the package, and typed uses of it, with mypy (strict) and pyright."""
    session.install("-e", ".[dev,typing]", *group("typing"))
    session.run("mypy")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site; a warning is an error."""
    session.install("-e", ".[testing]", *group("docs"))
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "-E", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the whole tutorial on AWS accounts inside the process."""
    session.install("-e", ".[testing]")
    session.run("python", "examples/tutorial.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Count the calls, their depth and the seconds, and fail where a budget is exceeded."""
    session.install("-e", ".[dev]", *group("bench"))
    for benchmark in sorted(Path("benchmarks").glob("*.py")):
        session.run("python", str(benchmark))


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the sdist, check both, then import the wheel with nothing but its dependencies."""
    session.install(*group("build"))
    work = Path(session.create_tmp())
    shutil.rmtree(work, ignore_errors=True)
    dist, python = work / "dist", str(work / "alone" / "bin" / "python")
    session.run("python", "-m", "build", "--outdir", str(dist))
    session.run("twine", "check", "--strict", *map(str, dist.iterdir()))
    session.run("python", "-m", "venv", str(work / "alone"))
    session.run(python, "-m", "pip", "install", "-q", *map(str, dist.glob("*.whl")), external=True)
    session.run(python, "-I", "-c", "import xacct; [getattr(xacct, name) for name in xacct.__all__]", external=True)


@nox.session
def integration(session: nox.Session) -> None:
    """Software that is not ours, on this machine's loopback: MiniStack, a server that enforces IAM, and the AWS CLI."""
    session.install("-e", ".[dev]", *group("integration"))
    with_the_cli = ("tests/session/test_aws_cli.py", "tests/testing/test_server.py")
    session.run("pytest", "-n0", "tests/integration", *with_the_cli, *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each Python that is present."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)
