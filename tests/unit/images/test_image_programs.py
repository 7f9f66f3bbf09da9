from __future__ import annotations

import socket

from tests.unit.images.running import program, refusal
from tests.unit.images.servers import Redis, running


def test_the_debug_server_tells_what_it_was_asked() -> None:
    with program("http-debug-server") as client:
        answer = client.put("/any/path?a=1", headers={"X-Test": "yes"}, content="hello")
        body = answer.json()
        assert body["hostname"] == socket.gethostname()
        assert body["headers"]["x-test"] == "yes"
        assert (body["method"], body["path"], body["query"], body["body"]) == ("PUT", "/any/path", {"a": "1"}, "hello")


def test_the_default_backend_answers_404_to_everything_but_its_probe() -> None:
    with program("default-backend") as client:
        for method in ("GET", "POST", "DELETE"):
            answer = client.request(method, "/what/ever")
            assert (answer.status_code, answer.text) == (404, "default backend - 404")
        assert client.head("/what/ever").status_code == 404
        assert client.get("/healthz").status_code == 200


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104 - the program listens there too
        taken.listen()
        port = taken.getsockname()[1]
        message = refusal("default-backend", {"PORT": str(port)})
    assert f"Connection in use: ('0.0.0.0', {port})" in message


def test_the_guestbook_writes_to_the_master_and_reads_from_a_slave() -> None:
    with running(Redis("127.0.0.1")) as master, running(Redis("127.0.0.2", master.server_address[1])) as slave:
        environment = {
            "GET_HOSTS_FROM": "env",
            "REDIS_MASTER_SERVICE_HOST": "127.0.0.1",
            "REDIS_SLAVE_SERVICE_HOST": "127.0.0.2",
            "REDIS_PORT_NUMBER": str(master.server_address[1]),
        }
        with program("guestbook-frontend", environment) as client:
            written = client.get("/guestbook.php", params={"cmd": "set", "key": "messages", "value": 'a "quote", é'})
            assert written.json() == {"message": "Updated"}
            assert master.data == {b"messages": 'a "quote", é'.encode()}
            assert client.get("/guestbook.php?cmd=get&key=messages").json() == {"data": ""}
            slave.data.update(master.data)
            assert client.get("/guestbook.php?cmd=get&key=messages").json() == {"data": 'a "quote", é'}
            assert "GET" not in master.seen
            assert "SET" not in slave.seen
            assert "<title>Guestbook</title>" in client.get("/").text
            long = {"cmd": "set", "key": "messages", "value": "a" * 20000}
            assert client.post("/guestbook.php", data=long).status_code == 200
            assert client.head("/guestbook.php?cmd=set&key=messages&value=nothing").status_code == 200
            assert master.data == {b"messages": b"a" * 20000}
            slave.data[b"messages"] = b"kept,\xff\xfe,too"
            assert client.get("/guestbook.php?cmd=get&key=messages").json() == {"data": "kept,\ufffd\ufffd,too"}


def test_the_guestbook_says_who_does_not_answer() -> None:
    with running(Redis("127.0.0.1")) as gone:
        port = gone.server_address[1]
    environment = {
        "GET_HOSTS_FROM": "env",
        "REDIS_MASTER_SERVICE_HOST": "127.0.0.1",
        "REDIS_SLAVE_SERVICE_HOST": "127.0.0.1",
        "REDIS_PORT_NUMBER": str(port),
    }
    with program("guestbook-frontend", environment) as client:
        answer = client.get("/guestbook.php?cmd=get&key=messages")
        assert answer.status_code == 503
        assert answer.json() == {"error": "127.0.0.1 does not answer"}
        assert client.get("/guestbook.php?cmd=drop").status_code == 400
        assert client.get("/healthz").status_code == 200
