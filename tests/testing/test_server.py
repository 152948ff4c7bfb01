"""The sandbox over HTTP: boto3 with an endpoint URL, the AWS CLI, the switch-role page, and the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from attrs import frozen
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ConnectionClosedError

from xacct import ConsoleUser, SwitchRoleLink, grant_cross_account_read
from xacct.testing import Sandbox, Server
from xacct.testing.__main__ import main

from .conftest import DEV, PROD, REGION, allowing, document, trusting

READER = f"arn:aws:iam::{PROD}:role/Reader"


@frozen
class Served:
    aws: Sandbox
    server: Server

    def session(self, account: str) -> boto3.Session:
        return self.aws.account(account).session

    def client(self, account: str, service: Any, **options: Any) -> Any:
        return self.session(account).client(service, endpoint_url=self.server.url, **options)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with Sandbox([PROD, DEV], region=REGION) as aws, aws.serve() as server:
        prod, dev = aws.account(PROD).session, aws.account(DEV).session
        iam = prod.client("iam")
        trust = trusting(Condition={"StringEquals": {"sts:ExternalId": "acme-42"}})
        iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName="Reader", PolicyName="read", PolicyDocument=allowing("s3:Get*"))
        s3 = prod.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="reports", Key="a b/ü+1", Body=b"42")
        dev.client("iam").create_user(UserName="nobody")
        yield Served(aws, server)


def test_the_server_listens_on_localhost_only(served: Served) -> None:
    assert served.server.url.startswith("http://127.0.0.1:")


def test_iam_is_enforced_over_http(served: Served) -> None:
    sts = served.client(DEV, "sts")
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole on resource: " + READER):
        sts.assume_role(RoleArn=READER, RoleSessionName="test")
    keys = sts.assume_role(RoleArn=READER, RoleSessionName="test", ExternalId="acme-42")["Credentials"]
    inside = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
    s3 = inside.client("s3", endpoint_url=served.server.url)
    assert s3.get_object(Bucket="reports", Key="a b/ü+1")["Body"].read() == b"42"
    with pytest.raises(ClientError, match="s3:PutObject"):
        s3.put_object(Bucket="reports", Key="new", Body=b"x")


def test_writes_over_http_can_be_read(served: Served) -> None:
    s3 = served.client(PROD, "s3")
    s3.put_object(Bucket="reports", Key="big", Body=os.urandom(100_000), Metadata={"team": "red"})
    head = s3.head_object(Bucket="reports", Key="big")
    assert (head["ContentLength"], head["Metadata"]) == (100_000, {"team": "red"})
    assert served.client(PROD, "kms").create_key()["KeyMetadata"]["AWSAccountId"] == PROD


def test_a_connection_stays_open_for_the_next_request(served: Served) -> None:
    s3 = served.client(PROD, "s3", config=Config(signature_version="s3v4"))
    key = {"Bucket": "reports", "Key": "a b/ü+1"}
    connection = HTTPConnection(urlsplit(served.server.url).netloc)
    connection.connect()
    opened, bodies = connection.sock, []
    for method, operation in (("HEAD", "head_object"), ("GET", "get_object"), ("DELETE", "delete_object")):
        connection.request(method, s3.generate_presigned_url(operation, Params=key))
        answer = connection.getresponse()
        bodies.append((answer.status, answer.read()))
        if operation == "head_object":
            assert answer.headers["Content-Length"] == "2"
    connection.request("POST", "/", body=b"Action=AssumeRoleWithX", headers={"Content-Type": "text/plain"})
    assert connection.getresponse().read()
    assert bodies == [(200, b""), (200, b"42"), (204, b"")]
    assert connection.sock is opened
    connection.close()
    s3.put_object(**key, Body=b"42")


def test_a_closed_server_closes_the_connections(served: Served) -> None:
    with served.aws.serve() as server:
        connection = HTTPConnection(urlsplit(server.url).netloc)
        connection.request("GET", "/")
        connection.getresponse().read()
    with closing(connection), pytest.raises((ConnectionError, RemoteDisconnected)):  # noqa: PT012 # either may break
        connection.request("GET", "/")
        connection.getresponse()


def test_other_names_with_underscores_are_ignored(served: Served) -> None:
    arn = f"arn:aws:iam::{DEV}:user/Administrator"

    def add_header(request: Any, **_: Any) -> None:
        request.headers["x_amz_security_token"] = "looks like another header"

    sts = served.client(DEV, "sts")
    sts.meta.events.register("before-send", add_header)
    assert sts.get_caller_identity()["Arn"] == arn


def test_keys_of_metadata_can_have_underscores(served: Served) -> None:
    s3 = served.client(PROD, "s3")
    s3.put_object(Bucket="reports", Key="marked", Body=b"", Metadata={"my_team": "red", "his-team": "blue"})
    assert s3.head_object(Bucket="reports", Key="marked")["Metadata"] == {"my_team": "red", "his-team": "blue"}


def test_a_presigned_url_works_over_http(served: Served) -> None:
    s3 = served.client(PROD, "s3", config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "a b/ü+1"})
    assert url.startswith(served.server.url)
    assert requests.get(url, timeout=5).content == b"42"
    assert requests.get(url.replace("reports", "others", 1), timeout=5).status_code == 403
    assert requests.get(f"{served.server.url}/reports/big", timeout=5).status_code == 403


def test_a_wrong_secret_is_refused(served: Served) -> None:
    key = served.aws.account(PROD).key.access_key_id
    wrong = boto3.Session(key, "wrong", region_name=REGION).client("iam", endpoint_url=served.server.url)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        wrong.list_users()


def test_a_lost_answer_breaks_the_connection(served: Served) -> None:
    served.aws.faults.add("lost answer", operation="CreateGroup", at=1)
    iam = served.client(DEV, "iam", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ConnectionClosedError):
        iam.create_group(GroupName="developers")
    served.aws.faults.clear()
    assert [group["GroupName"] for group in iam.list_groups()["Groups"]] == ["developers"]


# The account whose administrator runs the command, the command, and a part of its output.
COMMANDS: list[tuple[str, str, str]] = [
    (DEV, "sts get-caller-identity --query Arn", f"arn:aws:iam::{DEV}:user/Administrator"),
    (DEV, f"sts assume-role --role-arn {READER} --role-session-name cli", "AccessDenied"),
    (DEV, f"sts assume-role --role-arn {READER} --role-session-name cli --external-id wrong", "AccessDenied"),
    (
        DEV,
        f"sts assume-role --role-arn {READER} --role-session-name cli --external-id acme-42 --query *.Arn",
        f"arn:aws:sts::{PROD}:assumed-role/Reader/cli",
    ),
    (DEV, f"sts assume-role --role-arn {READER}s --role-session-name cli --external-id acme-42", "AccessDenied"),
    (
        DEV,
        f"sts assume-role --role-arn {READER} --role-session-name cli --external-id acme-42 --duration-seconds 7200",
        "ValidationError",
    ),
    (PROD, f"sts assume-role --role-arn {READER} --role-session-name cli --external-id acme-42", "AccessDenied"),
    (DEV, "s3api get-object --bucket reports --key big /dev/null", "AccessDenied"),
    (DEV, "s3api head-bucket --bucket reports", "Forbidden"),
    (PROD, "s3api list-objects-v2 --bucket reports --query KeyCount", ""),
    (DEV, "iam get-role --role-name Reader", "NoSuchEntity"),
    (PROD, "iam get-role --role-name Reader --query Role.Arn", READER),
    (PROD, "iam delete-role --role-name Reader", "DeleteConflict"),
]


needs_the_aws_cli = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")


def run_aws(command: str, tmp_path: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables}
    if "PYENV_ROOT" in os.environ:
        environment["PYENV_ROOT"] = os.environ["PYENV_ROOT"]
    return subprocess.run(
        ["aws", *command.split(), "--output", "text"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@needs_the_aws_cli
@pytest.mark.parametrize(("account", "command", "output"), COMMANDS)
def test_the_aws_cli_gets_the_same_results(
    served: Served, tmp_path: Path, account: str, command: str, output: str
) -> None:
    ran = run_aws(command, tmp_path, served.aws.environment(account, served.server))
    assert output in ran.stdout + ran.stderr
    assert (ran.returncode == 0) == ("(" not in ran.stderr), ran.stderr


@needs_the_aws_cli
@pytest.mark.parametrize("sub", ["repo:octo/app:ref:refs/heads/main", "repo:fork/app:ref:refs/heads/main"])
def test_the_aws_cli_signs_in_with_a_token_and_with_an_assertion(served: Served, tmp_path: Path, sub: str) -> None:
    github = served.aws.oidc_provider("https://token.actions.githubusercontent.com")
    okta, allowed = served.aws.saml_provider("Okta"), "repo:octo/app:ref:refs/heads/main"
    iam = served.session(PROD).client("iam")
    of_github = {"token.actions.githubusercontent.com:sub": allowed}
    for name, principal, action, claims in (
        ("Deploy", github.provider_arn, "sts:AssumeRoleWithWebIdentity", of_github),
        ("Admin", okta.provider_arn, "sts:AssumeRoleWithSAML", {"SAML:sub": allowed}),
    ):
        statement = {"Effect": "Allow", "Principal": {"Federated": principal}, "Action": action}
        trust = document({**statement, "Condition": {"StringEquals": claims}})
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    (tmp_path / "token").write_text(github.token(sub=sub))
    web = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": f"arn:aws:iam::{PROD}:role/Deploy",
        "AWS_ROLE_SESSION_NAME": "workflow",
    }
    endpoint = {"AWS_ENDPOINT_URL": served.server.url, "AWS_DEFAULT_REGION": REGION}
    admin = f"arn:aws:iam::{PROD}:role/Admin"
    assertion = okta.assertion(admin, name_id=sub, session_name="alice")
    saml = f"sts assume-role-with-saml --role-arn {admin} --principal-arn {okta.provider_arn}"
    for ran, arn in (
        (run_aws("sts get-caller-identity", tmp_path, {**endpoint, **web}), "assumed-role/Deploy/workflow"),
        (run_aws(f"{saml} --saml-assertion {assertion}", tmp_path, endpoint), "assumed-role/Admin/alice"),
    ):
        if sub == allowed:
            assert arn in ran.stdout, ran.stderr
        else:
            assert "Not authorized to perform sts:AssumeRoleWith" in ran.stderr


@pytest.fixture
def console(served: Served) -> Iterator[Any]:
    access = grant_cross_account_read(served.session(PROD), served.session(DEV), console_user=ConsoleUser("ada"))
    yield access
    access.revoke()


def test_the_switch_role_page_shows_the_link_and_lists_the_buckets(served: Served, console: Any) -> None:
    link: SwitchRoleLink = console.switch_role_link
    url = f"{served.server.url}/switchrole?{link.url.split('?')[1]}"
    form = requests.get(url, timeout=5).text
    for text in (PROD, link.role_name, link.display_name, f"#{link.color}", f"arn:aws:iam::{DEV}:user/ada"):
        assert str(text) in form
    switched = requests.post(url, data={"user": f"arn:aws:iam::{DEV}:user/ada"}, timeout=5).text
    assert f"Buckets of {PROD}" in switched
    assert "<li>reports</li>" in switched


def test_the_switch_role_page_explains_errors(served: Served, console: Any) -> None:
    url = f"{served.server.url}/switchrole?{console.switch_role_link.url.split('?')[1]}"
    refused = requests.post(url, data={"user": f"arn:aws:iam::{DEV}:user/nobody"}, timeout=5).text
    assert "AccessDenied" in refused
    assert "ImplicitDeny" in refused
    unknown = requests.post(url, data={"user": "arn:aws:iam::999999999999:user/x"}, timeout=5).text
    assert "Sign-in failed" in unknown


def test_the_switch_role_page_refuses_an_invalid_link(served: Served) -> None:
    answer = requests.get(f"{served.server.url}/switchrole?account=1&roleName=<script>", timeout=5)
    assert answer.status_code == 400
    assert "<script>" not in answer.text


def test_the_command_prints_the_environment_variables(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
from xacct.testing.__main__ import main
import sys
sys.exit(main(["--port", "0", "--account", "444444444444"], wait=lambda: None))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("Serving AWS accounts that enforce IAM at http://127.0.0.1:")
    assert lines[2] == "# Administrator of account 444444444444"
    assert [line.split("=")[0] for line in lines[3:7]] == [
        "export AWS_ENDPOINT_URL",
        "export AWS_ACCESS_KEY_ID",
        "export AWS_SECRET_ACCESS_KEY",
        "export AWS_DEFAULT_REGION",
    ]
    assert lines[-1].endswith("/switchrole")


def test_the_command_refuses_an_invalid_account_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--account", "42"]) == 1
    assert "xacct: accounts" in capsys.readouterr().err


def test_ctrl_c_stops_the_command() -> None:
    code = """
from xacct.testing.__main__ import main

def press():
    raise KeyboardInterrupt

raise SystemExit(main(["--port", "0"], wait=press))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60).returncode == 0


def test_requests_of_s3_control_are_told_from_those_of_s3(served: Served) -> None:
    # boto3 sends them to 111111111111.127.0.0.1, which is no host.
    url = f"{served.server.url}/v20180820/configuration/publicAccessBlock"
    key = served.aws.account(PROD).key
    signed = AWSRequest("GET", url, headers={"x-amz-account-id": PROD, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "s3", REGION).add_auth(signed)
    response = requests.get(url, headers=dict(signed.headers), timeout=5)
    assert (response.status_code, served.aws.calls[-1].decisions[0].action) == (404, "s3:GetAccountPublicAccessBlock")
    assert "NoSuchPublicAccessBlockConfiguration" in response.text


def test_a_request_to_the_url_of_a_queue_is_for_this_queue(served: Served) -> None:
    served.client(PROD, "sqs").create_queue(QueueName="orders")
    url, body = f"{served.server.url}/{PROD}/orders", "Action=SendMessage&Version=2012-11-05&MessageBody=42"
    key = served.aws.account(PROD).key
    signed = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "sqs", REGION).add_auth(signed)
    response = requests.post(url, data=body, headers=dict(signed.headers), timeout=5)
    assert response.status_code == 200
    assert served.aws.calls[-1].decisions[0].request.resource == f"arn:aws:sqs:{REGION}:{PROD}:orders"
