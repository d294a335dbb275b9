"""`oidc` with keys and tokens that joserfc makes."""

import base64
import hmac
import http.server
import json
import pathlib
import server
import tempfile
import threading
import time
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

ISSUER = "https://issuer.example.org"
CONFIG = f"""auth_strategy = 'oidc'
[oidc]
issuer = '{ISSUER}'
audience = 'ferric'
system_role_map = {{ops = 'admin'}}
"""


def keys():
    return [
        ("RS256", RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})),
        ("ES256", ECKey.generate_key("P-256", {"kid": "ec"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "ed"})),
    ]


def public(pairs):
    return json.dumps(KeySet([key for _, key in pairs]).as_dict(private=False))


def claims(**more):
    shown = {"iss": ISSUER, "aud": "ferric", "sub": "ann", "exp": int(time.time()) + 600, "project_id": "ours"}
    return {**shown, "roles": ["member"], **more}


def token(algorithm, key, **more):
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, claims(**more), key, algorithms=[algorithm])


def encoded(part):
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(header):
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, claims()))


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def from_a_file(program):
    """RS256, ES256 and EdDSA are taken; wrong, ended, unsigned and HMAC tokens are not"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "keys.json"
        pairs = keys()
        path.write_text(public(pairs))
        with server.Ferric(program, f"{CONFIG}jwks_file = '{path}'\n") as ferric:
            def status(text, path="/v1/nodes"):
                return ferric.ask(path, headers=bearer(text))[0]

            assert ferric.ask("/v1/nodes")[0] == 401
            for algorithm, key in pairs:
                assert status(token(algorithm, key)) == 200, algorithm
                assert status(token(algorithm, key, exp=int(time.time()) - 61)) == 401, algorithm
                assert status(token(algorithm, key, nbf=int(time.time()) + 300)) == 401, algorithm
                assert status(token(algorithm, key, aud="other")) == 401, algorithm
                assert status(token(algorithm, key, iss="https://other")) == 401, algorithm
                assert status(token(algorithm, key), "/v1/drivers") == 403, algorithm
                assert status(token(algorithm, key, roles=["ops"]), "/v1/drivers") == 200, algorithm
            for (algorithm, _), (_, stranger) in zip(pairs, keys()):
                assert status(token(algorithm, stranger)) == 401, algorithm
            rsa = pairs[0][1]
            # joserfc makes neither of these two.
            public_key = pairs[0][1].as_pem(private=False)
            signed = unsigned({"alg": "HS256", "kid": "rsa"})
            tag = hmac.digest(public_key, signed.encode(), "sha256")
            assert status(f"{signed}.{encoded(tag)}") == 401
            assert status(unsigned({"alg": "none"}) + ".") == 401


class Keys(http.server.BaseHTTPRequestHandler):
    shown = ""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(Keys.shown.encode())

    def log_message(self, *arguments):
        pass


def from_a_url(program):
    """keys of a URL are fetched, and new ones are found"""
    issuer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=issuer.serve_forever, daemon=True).start()
    old = keys()
    Keys.shown = public(old)
    url = f"http://127.0.0.1:{issuer.server_port}/keys"
    with server.Ferric(program, f"{CONFIG}jwks_url = '{url}'\n") as ferric:
        def status(pair):
            return ferric.ask("/v1/nodes", headers=bearer(token(*pair)))[0]

        assert status(old[1]) == 200
        fresh = ("ES256", ECKey.generate_key("P-256", {"kid": "fresh"}))
        Keys.shown = public([fresh])
        server.until("the new key is known", lambda: status(fresh) == 200)
        assert status(old[1]) == 401
    issuer.shutdown()


CHECKS = [from_a_file, from_a_url]
