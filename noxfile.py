"""Checks that a change must pass. `nox` runs all of them; `nox -s lint` runs one session."""

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
    """Check the code with ruff: rules and format."""
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
    """Build the documentation. A warning is an error."""
    session.install("-e", ".[testing]", *group("docs"))
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "-E", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the tutorial in the sandbox."""
    session.install("-e", ".[testing]")
    session.run("python", "examples/tutorial.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure calls, round trips and time. Fails if a budget is exceeded."""
    session.install("-e", ".[dev]", *group("bench"))
    for benchmark in sorted(Path("benchmarks").glob("*.py")):
        session.run("python", str(benchmark))


# What works after the wheel was installed with an extra and nothing else, as arguments of Python.
EXTRAS = {
    "": ["-c", "import xacct; [getattr(xacct, name) for name in xacct.__all__]"],
    "async": ["-c", "import aiobotocore.session; from xacct import aio_session"],
    "cli": ["-m", "xacct", "--help"],
    "cli,testing": ["-m", "xacct", "demo"],
    "cli,yaml": ["-c", "import yaml; from xacct.__main__ import main; main(['schema'])"],
    "progress": ["-c", "from xacct.progress_bar import progress_bar; progress_bar(1, 'steps', shown=True).__enter__()"],
    "report": ["-c", "from xacct import audit, Snapshot; audit(Snapshot(account='111111111111')).to_html()"],
    "saml,testing": ["-c", "from xacct.testing import Sandbox; Sandbox().__enter__().saml_provider('Okta')"],
    "testing": ["-c", "from xacct.testing import Sandbox; Sandbox().__enter__()"],
    "typing": ["-c", "import mypy_boto3_iam"],
}


@nox.session
def build(session: nox.Session) -> None:
    """Build and check the wheel and the sdist, then use the wheel with each extra, and only its dependencies."""
    session.install(*group("build"))
    work = Path(session.create_tmp())
    shutil.rmtree(work, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(work / "dist"))
    session.run("twine", "check", "--strict", *map(str, (work / "dist").iterdir()))
    [wheel] = (work / "dist").glob("*.whl")
    for extra, arguments in EXTRAS.items():
        python = str(work / (extra or "alone") / "bin" / "python")
        session.run("python", "-m", "venv", "--without-pip", str(work / (extra or "alone")))
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        session.run("python", "-m", "pip", "--python", python, "install", "-q", "--no-compile", wanted)
        session.run(python, "-I", *arguments, external=True, silent=True)
    session.run(
        str(work / "alone" / "bin" / "xacct"), "list", external=True, silent=True, success_codes=[1]
    )  # says which extra it needs


@nox.session
def integration(session: nox.Session) -> None:
    """Test against other software on the loopback interface: MiniStack, a server that enforces IAM, and the AWS CLI."""
    session.install("-e", ".[dev]", *group("integration"))
    with_the_cli = ("tests/cli/test_aws_cli.py", "tests/session/test_aws_cli.py", "tests/testing/test_server.py")
    session.run("pytest", "-n0", "tests/integration", *with_the_cli, *session.posargs)


@nox.session(name="async")
@nox.parametrize("library", ["aiobotocore", "aioboto3"], ids=["aiobotocore", "aioboto3"])
def async_libraries(session: nox.Session, library: str) -> None:
    """Test `aio_session` with s3fs, pandas and a library that requires certain versions of botocore."""
    session.install("-e", ".[async,testing]", library, *group("async"))
    session.run("pytest", "-n0", "tests/integration/test_async_session.py", *session.posargs)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Change the code of authz, proof, ownership, retry and reconcile in small ways, and list what no test notices.

    Takes a long time, so it is not part of CI. Positional arguments select mutants, such as ``'xacct.retry.*'``.
    """
    session.install("-e", ".[dev]", *group("mutation"))
    session.run("mutmut", "run", *session.posargs)
    session.run("mutmut", "results")


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Run the tests, and fail if they cover less than 95 % of the branches. Takes half as long again as the tests."""
    session.install("-e", ".[dev]")
    session.run("pytest", "--cov", *session.posargs)


@nox.session(default=False)
def every_case(session: nox.Session) -> None:
    """Run all cases of the tests that have one for each call of a run. The other sessions run a seventh of them."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "every_case", "--every-case", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each installed Python version."""
    session.install("-e", ".[dev]")
    session.run("pytest", *session.posargs)
