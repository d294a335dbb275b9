"""`http_basic` with files that Apache's htpasswd writes."""

import base64
import pathlib
import server
import subprocess
import tempfile


def htpasswd(*arguments):
    subprocess.run(["htpasswd", *arguments], check=True, capture_output=True)


def credentials(user, password):
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def config(path):
    return f"auth_strategy = 'http_basic'\nhttp_basic_auth_user_file = '{path}'\n"


def users_of_the_file(program):
    """users are let in, changed and taken out while it runs"""
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "users")
        htpasswd("-cbB", path, "ann", "Grüße:1")
        htpasswd("-bB", "-C", "10", path, "bob", "second")
        with server.Ferric(program, config(path)) as ferric:
            def status(user, password):
                return ferric.ask("/v1/nodes", headers=credentials(user, password))[0]

            got, headers, body = ferric.ask("/v1/nodes")
            assert (got, headers["WWW-Authenticate"]) == (401, 'Basic realm="Baremetal API"'), (got, headers)
            assert body["error"]["code"] == 401, body
            assert ferric.ask("/v1")[0] == 200
            assert status("ann", "Grüße:1") == 200
            assert status("bob", "second") == 200
            assert status("ann", "second") == 401
            assert status("cid", "second") == 401
            htpasswd("-bB", path, "ann", "another")
            assert status("ann", "Grüße:1") == 401
            assert status("ann", "another") == 200
            htpasswd("-D", path, "bob")
            assert status("bob", "second") == 401


def other_hashes(program):
    """a file with another hash than bcrypt is refused at start, with what to do"""
    for option in ("-m", "-s", "-d"):
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "users")
            htpasswd("-cbB", path, "ann", "secret")
            htpasswd("-b", option, path, "bob", "secret")
            said = server.refused(program, config(path), "--listen", "127.0.0.1:0")
            assert '"bob"' in said and "htpasswd -B" in said, said


def open_to_all(program):
    """without authentication it listens on loopback only"""
    said = server.refused(program, "auth_strategy = 'noauth'\n", "--listen", "0.0.0.0:0")
    assert "refusing to listen on 0.0.0.0:0 without authentication" in said, said


CHECKS = [users_of_the_file, other_hashes, open_to_all]
