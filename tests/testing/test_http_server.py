"""The server's side of HTTP: heads, bodies, connections that stay open, and clients that are slow or wrong."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection

import pytest

from xacct.testing.http_server import ConnectionBroken, HttpRequest, HttpResponse, HttpServer

END = b"Connection: close\r\n\r\n"


def echo(request: HttpRequest) -> HttpResponse:
    """Answer with what was received; the path of some targets says otherwise."""
    if request.target == "/broken":
        raise ConnectionBroken
    if request.target == "/wrong":
        raise ValueError("a bug")
    if request.target == "/empty":
        return HttpResponse(204, [], b"")
    headers = [("X-Received", f"{name}={value}") for name, value in request.headers]
    return HttpResponse(200, headers, b" ".join([request.method.encode(), request.target.encode(), request.body]))


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with closing(HttpServer(0, echo)) as server:
        yield server


@pytest.fixture
def connection(server: HttpServer) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        yield connection


def answer_to(server: HttpServer, request: bytes) -> bytes:
    """Send the bytes of a request, and return all bytes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_request_is_answered_with_its_length_and_the_date(connection: HTTPConnection) -> None:
    connection.request("PUT", "/a%20b?c", body=b"42")
    answer = connection.getresponse()
    assert (answer.status, answer.reason, answer.read()) == (200, "OK", b"PUT /a%20b?c 42")
    assert answer.headers["Content-Length"] == "15"
    assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


def test_headers_are_passed_on_as_they_were_sent(server: HttpServer) -> None:
    answer = answer_to(server, b"GET / HTTP/1.1\r\nHOST:x\r\nA: 1\r\na:\t2 \r\nEmpty:\r\nUtf: \xc3\xbc\r\n" + END)
    received = [line.partition(b": ")[2] for line in answer.split(b"\r\n") if line.startswith(b"X-Received")]
    assert received == [b"HOST=x", b"A=1", b"a=2", b"Empty=", b"Utf=\xc3\xbc", b"Connection=close"]


def test_a_connection_stays_open_for_the_next_request(connection: HTTPConnection) -> None:
    connection.connect()
    opened = connection.sock
    for method, target in (("HEAD", "/"), ("GET", "/empty"), ("POST", "/"), ("HEAD", "/empty")):
        connection.request(method, target, body=b"body" if method == "POST" else None)
        answer = connection.getresponse()
        assert answer.read() == (b"POST / body" if method == "POST" else b"")
    assert connection.sock is opened


def test_requests_that_are_sent_at_once_are_answered_in_order(server: HttpServer) -> None:
    answer = answer_to(server, b"GET /first HTTP/1.1\r\n\r\nGET /second HTTP/1.1\r\n" + END)
    assert answer.index(b"GET /first ") < answer.index(b"GET /second ")


@pytest.mark.parametrize(
    "request_of_a_client", [b"GET / HTTP/1.1\r\nconnection:  CLOSE\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]
)
def test_a_client_can_ask_to_close_the_connection(server: HttpServer, request_of_a_client: bytes) -> None:
    answer = answer_to(server, request_of_a_client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in answer


def test_a_body_can_come_in_chunks(server: HttpServer) -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n" + END
    assert answer_to(server, head + b"2\r\nab\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n").endswith(
        b"\r\n\r\nPOST / ab0123456789"
    )


def test_a_client_that_waits_before_it_sends_the_body_is_told_once_to_go_on(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n" + END)
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ab")
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"POST / ab")


def test_a_client_that_is_slow_does_not_delay_the_others(server: HttpServer, connection: HTTPConnection) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n" + END + b"ab")
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"GET / "
        slow.sendall(b"cd")
        assert b"".join(iter(lambda: slow.recv(4096), b"")).endswith(b"POST / abcd")


@pytest.mark.parametrize(
    ("request_of_a_client", "status"),
    [
        (b"GET /\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400 Bad Request"),
        (b"GET /x y HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"get / HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: y\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
    ],
)
def test_what_is_not_http_is_refused_and_ends_the_connection(
    server: HttpServer, request_of_a_client: bytes, status: bytes
) -> None:
    answer = answer_to(server, request_of_a_client)
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert b"Connection: close\r\n" in answer


@pytest.mark.parametrize("part", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"])
def test_a_request_that_ends_early_ends_the_connection(server: HttpServer, part: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(4096) == b""


def test_the_application_can_break_the_connection(server: HttpServer) -> None:
    assert answer_to(server, b"GET /broken HTTP/1.1\r\n\r\n") == b""


def test_an_error_of_the_application_is_logged_and_ends_the_connection(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "xacct.testing"):
        answer = answer_to(server, b"GET /wrong HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert [(record.getMessage(), record.exc_info is not None) for record in caplog.records] == [
        ("GET /wrong failed", True)
    ]


def test_a_closed_server_ends_its_connections_its_thread_and_what_is_half_sent() -> None:
    before = threading.active_count()
    server = HttpServer(0, echo)
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address, timeout=10) as idle, socket.create_connection(address, timeout=10) as half:
        half.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert half.recv(100)
        server.close()
        assert (idle.recv(100), half.recv(100)) == (b"", b"")
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=10)
