"""Asking a server of Ironic's API."""

import json
import urllib.error
import urllib.request

LATEST = "1.115"
TIMEOUT_S = 60
# Straight to the servers, whatever proxies the environment names.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Peer:
    """A server at a URL."""

    def __init__(self, url):
        self.url = url

    def answer(self, method, path, body=None):
        """(status, parsed body)."""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"X-OpenStack-Ironic-API-Version": LATEST, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=raw, method=method, headers=headers)
        try:
            with DIRECT.open(request, timeout=TIMEOUT_S) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def ask(self, method, path, body=None):
        """The body of an answer that must be good."""
        status, found = self.answer(method, path, body)
        assert status < 300, f"{method} {self.url}{path}: {status} {found}"
        return found

    def all(self, path, key):
        """Every item of a list, page by page."""
        items, marker = [], ""
        while True:
            query = "&" if "?" in path else "?"
            page = self.ask("GET", f"{path}{query}limit=100{marker}")
            items += page[key]
            if not page.get("next") or not page[key]:
                return items
            marker = f"&marker={page[key][-1]['uuid']}"
