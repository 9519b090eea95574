"""An OpenID Connect provider for the tests: one client, one person who always agrees.

`python -m tests.dashboard.provider` prints "provider ready URL". What is posted as JSON to
/_person decides who comes next: `claims` of the signed token, `userinfo` (else the same), and
`break`, a way to go wrong: audience, issuer, expired, token, denied.
"""

import base64
import hashlib
import json
import secrets
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "voxledger", "the client's secret"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(BaseHTTPRequestHandler):
    person: ClassVar[dict] = {}
    asked: ClassVar[dict[str, dict[str, str]]] = {}  # by code: the query that /authorize got

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        pages = {
            "/.well-known/openid-configuration": self.configuration,
            "/jwks": lambda: {"keys": [public_key()]},
            "/userinfo": self.userinfo,
        }
        if parts.path == "/authorize":
            self.authorize(query)
        elif parts.path in pages:
            self.answer(pages[parts.path]())
        else:
            self.answer({"error": "no such page"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/_person":
            Provider.person = json.loads(body)
            self.answer({})
        else:
            self.token({name: values[0] for name, values in parse_qs(body).items()})

    def configuration(self) -> dict:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: dict[str, str]) -> None:
        code = secrets.token_urlsafe(8)
        Provider.asked[code] = query
        refuses = self.person.get("break") == "denied"
        back = {"error": "access_denied"} if refuses else {"code": code}
        self.send_response(302)
        location = f"{query['redirect_uri']}?{urlencode({**back, 'state': query['state']})}"
        self.send_header("Location", location)
        self.end_headers()

    def token(self, said: dict[str, str]) -> None:
        asked = Provider.asked.pop(said.get("code", ""), {})
        digest = hashlib.sha256(said.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        right = (
            asked.get("code_challenge") == challenge
            and asked.get("code_challenge_method") == "S256"
            and asked.get("redirect_uri") == said.get("redirect_uri")
            and (said.get("client_id"), said.get("client_secret")) == (CLIENT, SECRET)
        )
        if not right or self.person.get("break") == "token":
            self.answer({"error": "invalid_grant"}, 400)
            return
        token = {"access_token": "open", "token_type": "Bearer", "id_token": self.id_token()}
        self.answer(token)

    def id_token(self) -> str:
        wrong, now = self.person.get("break"), int(time.time())
        claims = {
            **self.person["claims"],
            "iss": "https://else.where" if wrong == "issuer" else self.url,
            "aud": "another" if wrong == "audience" else CLIENT,
            "iat": now - 600,
            "exp": now - 300 if wrong == "expired" else now + 300,
        }
        return jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "1"})

    def userinfo(self) -> dict:
        return self.person.get("userinfo", self.person["claims"])

    def answer(self, said: dict, status: int = 200) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Silent."""


def public_key() -> dict:
    key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return {**key, "kid": "1", "use": "sig", "alg": "RS256"}


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(f"provider ready http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201
    server.serve_forever()
