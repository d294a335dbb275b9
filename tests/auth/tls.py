"""TLS of the API with certificates that openssl makes, to Python's client."""

import os
import pathlib
import server
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder, name):
    subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl(folder, "req", "-x509", *subject, "-keyout", f"{name}.key", "-out", f"{name}.pem")


def issue(folder, by, name):
    """A certificate for this machine in NAME.pem and NAME.key."""
    openssl(folder, "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-subj", f"/CN={name}", "-keyout", f"{name}.new.key", "-out", f"{name}.csr")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key",
            "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.new.pem")
    for end in ("key", "pem"):
        os.replace(folder / f"{name}.new.{end}", folder / f"{name}.{end}")


def get(url, trusts, shows=None):
    """The parsed answer, or None where there is no agreement on TLS."""
    context = ssl.create_default_context(cafile=trusts)
    if shows:
        context.load_cert_chain(f"{shows}.pem", f"{shows}.key")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=server.PATIENCE_S) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, ssl.SSLError):
        return None


def certificates(program):
    """a certificate is exchanged on SIGHUP, and clients show one where they must"""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for one in ("old", "new", "clients"):
            authority(folder, one)
        issue(folder, "old", "api")
        issue(folder, "clients", "client")
        issue(folder, "old", "stranger")
        tls = f"certificate = '{folder}/api.pem'\nkey = '{folder}/api.key'\n"
        with server.Ferric(program, f"[api.tls]\n{tls}") as ferric:
            url = ferric.url.replace("http:", "https:") + "/v1/"
            shown = get(url, folder / "old.pem")
            assert shown and f'"{url}' in shown, shown
            assert get(url, folder / "new.pem") is None
            issue(folder, "new", "api")
            ferric.process.send_signal(signal.SIGHUP)
            server.until("the new certificate is used", lambda: get(url, folder / "new.pem"))
            assert get(url, folder / "old.pem") is None
        issue(folder, "old", "api")
        with server.Ferric(program, f"[api.tls]\n{tls}client_ca = '{folder}/clients.pem'\n") as ferric:
            url = ferric.url.replace("http:", "https:") + "/v1"
            assert get(url, folder / "old.pem") is None
            assert get(url, folder / "old.pem", folder / "stranger") is None
            assert get(url, folder / "old.pem", folder / "client")


CHECKS = [certificates]
