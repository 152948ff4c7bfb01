"""A wait for an answer of AWS in another thread is ended at once, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ConnectionClosedError, EndpointConnectionError, ResponseStreamingError

from xacct.session.network_wait import end_network_wait

ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})
PART_OF_AN_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1234"


class SilentServer:
    """A server that accepts connections and never answers, or only in part."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.url = "http://{}:{}".format(*self.listener.getsockname())
        self.connections: list[socket.socket] = []
        self.arrived = threading.Event()

    def answer(self, part: bytes) -> None:
        """Accept a connection, read the start of its request, and send this."""
        connection, _ = self.listener.accept()
        self.connections.append(connection)
        connection.recv(1024)
        connection.sendall(part)
        self.arrived.set()

    def refuse_connections(self) -> None:
        """Fill the queue of waiting connections, so that the next one waits for ever."""
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(self.listener.getsockname())
            self.connections.append(waiting)

    def close(self) -> None:
        for each in (self.listener, *self.connections):
            each.close()


@pytest.fixture
def server() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


class Waiting:
    """A thread that makes a call, and the error with which the call ends."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except (BotoCoreError, OSError) as error:
            self.error = error

    def end(self) -> Exception | None:
        """End the wait until the thread has ended, and return the error."""
        for _ in range(200):
            end_network_wait(self.thread)
            self.thread.join(0.05)
            if not self.thread.is_alive():
                return self.error
        pytest.fail("the thread still waits")


def s3_of(server: SilentServer) -> Any:
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-west-1")
    return session.client("s3", endpoint_url=server.url, config=ONE_ATTEMPT)


def test_a_call_that_waits_for_an_answer_fails(server: SilentServer) -> None:
    waiting = Waiting(s3_of(server).list_buckets)
    server.answer(b"")
    assert type(waiting.end()) is ConnectionClosedError


def test_a_call_whose_request_is_not_read_fails(server: SilentServer) -> None:
    s3 = s3_of(server)
    waiting = Waiting(lambda: s3.put_object(Bucket="big", Key="key", Body=b"x" * 30_000_000))
    server.answer(b"")
    assert type(waiting.end()) is ConnectionClosedError


def test_a_call_that_waits_for_the_rest_of_an_answer_fails(server: SilentServer) -> None:
    s3, began = s3_of(server), threading.Event()

    def read() -> None:
        body = s3.get_object(Bucket="slow", Key="key")["Body"]
        assert body.read(4) == b"1234"
        began.set()
        body.read()

    waiting = Waiting(read)
    server.answer(PART_OF_AN_ANSWER)
    assert began.wait(30)
    assert type(waiting.end()) is ResponseStreamingError


def test_a_call_that_waits_for_a_connection_fails(server: SilentServer) -> None:
    server.refuse_connections()
    assert type(Waiting(s3_of(server).list_buckets).end()) is EndpointConnectionError


def test_a_thread_that_has_ended_is_left_alone() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    end_network_wait(thread)


def test_a_connection_of_another_library_stays_open(server: SilentServer) -> None:
    """The caller's own connections do not belong to a call of AWS, although the thread has them at hand."""
    received: list[bytes] = []

    def read(connection: socket.socket) -> None:
        received.append(connection.recv(100))

    with socket.create_connection(server.listener.getsockname()) as connection:
        waiting = Waiting(lambda: read(connection))
        for _ in range(10):
            end_network_wait(waiting.thread)
            waiting.thread.join(0.01)
        connection.sendall(b"request")
        server.answer(b"still open")
        waiting.thread.join(10)
    assert received == [b"still open"]


def test_a_connection_that_the_caller_of_aws_holds_stays_open(server: SilentServer) -> None:
    s3 = s3_of(server)

    def call(own: socket.socket) -> None:
        s3.list_buckets()

    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_connection(other.getsockname()) as own:
        waiting = Waiting(lambda: call(own))
        server.answer(b"")
        assert type(waiting.end()) is ConnectionClosedError
        accepted, _ = other.accept()
        with accepted:
            own.sendall(b"still open")
            assert accepted.recv(100) == b"still open"
