"""What lib/apt makes of apt configurations that are made up here, with no network. Run by image-build/check."""

import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

LIB = Path(__file__).parents[1] / "lib"
KEY = b"\x99\x01\x0dkey of the mirror"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
ARMORED = """-----BEGIN PGP PUBLIC KEY BLOCK-----
Comment: made up

mQENa2V5IG9mIHRoZSBtaXJyb3I=
=AAAA
-----END PGP PUBLIC KEY BLOCK-----
"""
PLAIN = "deb http://mirror.test/debian bookworm main\n"


class Machine:
    """apt's folders, with the lists of one mirror as apt-get update leaves them."""

    def __init__(self, root: Path):
        self.root = root
        for folder in ("etc/sources.list.d", "etc/trusted.gpg.d", "state/lists/partial", "cache", "home"):
            (root / folder).mkdir(parents=True)
        self.write("status", "")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(root / "home"),
                            "APT_CONFIG": str(root / "apt.conf"),
                            "SSL_CERT_FILE": self.write("system.crt", "the system's\n")}

    def write(self, name: str, text: str) -> str:
        (self.root / name).write_text(text)
        return str(self.root / name)

    def program(self, name: str, text: str) -> str:
        (self.root / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.root / name).chmod(0o755)
        return str(self.root / name)

    def fetched(self, suite: str = "bookworm", code_name: str = "bookworm", scheme: str = "http") -> None:
        place = f"state/lists/mirror.test_debian_dists_{suite.replace('/', '_')}"
        self.write(f"{place}_Release", f"Origin: Debian\nSuite: {suite}\nCodename: {code_name}\nComponents: main\n"
                                       "Architectures: amd64\nDate: Sat, 01 Jan 2022 00:00:00 UTC\n")
        self.write(f"{place}_main_binary-amd64_Packages", "")

    def settings(self, config: str = "", source: str = PLAIN, **environment: str) -> dict[str, str]:
        """Variables and files that lib/apt makes; `error` is what it ends with instead."""
        self.write("etc/sources.list.d/test.sources" if "Types:" in source else "etc/sources.list", source)
        self.write("apt.conf", f'Dir "{self.root}/"; Dir::Etc "etc/"; Dir::State "state/"; Dir::Cache "cache/";\n'
                               f'Dir::State::status "{self.root}/status"; Dir::Etc::parts "none"; {config}\n')
        made = self.root / "made"
        command = ["python3", "-B", str(LIB / "apt"), "bookworm", str(made)]
        result = subprocess.run(command, env=self.environment | environment, capture_output=True, text=True)
        if result.returncode:
            return {"error": result.stderr.strip().splitlines()[-1]}
        shell = ["env", "-i", "bash", "-c", f". {made}/environment && env -0"]
        variables = subprocess.run(shell, check=True, capture_output=True, text=True).stdout.split("\0")
        keys = {"keys": b"".join(file.read_bytes() for file in made.glob("*.gpg")).decode("latin-1")}
        files = {name: (made / name).read_text() for name in ("apt.conf", "ca.crt", "wgetrc")}
        return dict(variable.split("=", 1) for variable in variables if variable) | files | keys


class Test(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = Machine(Path(folder.name))
        self.machine.fetched()


class Certificates(Test):
    def test_bundles_that_only_apt_knows_stand_behind_the_systems(self) -> None:
        one, other = self.machine.write("one.crt", "one's"), self.machine.write("other.crt", "other's\n")
        made = self.machine.settings(f'Acquire::https::CAInfo "{one}"; Acquire::https::mirror.test::CaInfo "{other}";')
        self.assertEqual(made["ca.crt"], "the system's\none's\nother's\n")
        self.assertIn('Acquire::https::CaInfo "/etc/apt/ferric-build/ca.crt";', made["apt.conf"])
        self.assertNotIn(one, made["apt.conf"])
        self.assertNotIn(other, made["apt.conf"])

    def test_a_bundle_that_is_not_there_is_named(self) -> None:
        made = self.machine.settings('Acquire::https::CaInfo "/not/there";')
        self.assertEqual(made["error"], "the certificates /not/there cannot be read: No such file or directory")

    def test_wget_checks_no_more_than_apt(self) -> None:
        self.assertNotIn("check_certificate", self.machine.settings()["wgetrc"])
        for option in ("Verify-Peer", "mirror.test::Verify-Peer"):
            made = self.machine.settings(f'Acquire::https::{option} "false";')
            self.assertIn("check_certificate = off", made["wgetrc"])
            self.assertIn(f'Acquire::https::{option} "false";', made["apt.conf"])

    def test_the_users_wgetrc_counts_more(self) -> None:
        self.machine.write("home/.wgetrc", "tries = 7")
        self.assertRegex(self.machine.settings()["wgetrc"], r"^ca_certificate = \S+/ca.crt\ntries = 7$")


class Proxy(Test):
    def test_one_for_http_is_one_for_https(self) -> None:
        made = self.machine.settings('Acquire::http::Proxy "http://p:1";')
        self.assertEqual((made["http_proxy"], made["https_proxy"]), ("http://p:1", "http://p:1"))
        made = self.machine.settings('Acquire::http::Proxy "http://p:1"; Acquire::https::Proxy "http://s:2";')
        self.assertEqual((made["http_proxy"], made["https_proxy"]), ("http://p:1", "http://s:2"))

    def test_one_for_the_mirror_alone_counts_more(self) -> None:
        made = self.machine.settings('Acquire::http::Proxy "http://p:1";'
                                     'Acquire::http::Proxy::mirror.test "http://m:3";')
        self.assertEqual(made["http_proxy"], "http://m:3")
        self.assertIn('Acquire::http::Proxy::mirror.test "http://m:3";', made["apt.conf"])

    def test_a_mirror_without_one_is_asked_directly(self) -> None:
        made = self.machine.settings('Acquire::http::Proxy::mirror.test "DIRECT";',
                                     http_proxy="http://e:4", no_proxy="a, b")
        self.assertNotIn("http_proxy", made)
        self.assertEqual(made["no_proxy"], "a,b,mirror.test")
        self.assertIn('Acquire::http::Proxy::mirror.test "DIRECT";', made["apt.conf"])

    def test_the_helper_is_asked_for_the_mirror(self) -> None:
        helper = self.machine.program("helper", f'echo "$1" >>{self.machine.root}/asked; echo http://h:5')
        for option in ("Proxy-Auto-Detect", "ProxyAutoDetect"):
            made = self.machine.settings(f'Acquire::http::Proxy "http://p:1"; Acquire::http::{option} "{helper}";')
            self.assertEqual(made["http_proxy"], "http://h:5")
            self.assertIn('Acquire::http::Proxy::mirror.test "http://h:5";', made["apt.conf"])
            self.assertNotIn(helper, made["apt.conf"])
        self.assertEqual((self.machine.root / "asked").read_text(), "http://mirror.test/debian/\n" * 2)

    def test_a_helper_that_fails_has_no_answer(self) -> None:
        for helper in (self.machine.program("helper", "echo oops; exit 3"), "/not/there"):
            made = self.machine.settings('Acquire::http::Proxy "http://p:1";'
                                         f'Acquire::http::ProxyAutoDetect "{helper}";')
            self.assertEqual(made["http_proxy"], "http://p:1")

    def test_that_of_the_environment_is_the_last_to_count(self) -> None:
        made = self.machine.settings(http_proxy="http://e:4")
        self.assertEqual(made["http_proxy"], "http://e:4")
        made = self.machine.settings('Acquire::http::Proxy "http://p:1";', http_proxy="http://e:4")
        self.assertEqual(made["http_proxy"], "http://p:1")


class Source(Test):
    def test_the_release_is_known_under_any_name(self) -> None:
        self.machine.fetched("oldstable", "bookworm")
        made = self.machine.settings(source="deb http://mirror.test/debian oldstable main\n")
        self.assertEqual(made["DIB_APT_SOURCES_CONF"], "ferric0:deb http://mirror.test/debian/ bookworm main")

    def test_a_line_keeps_its_keys_and_its_trust(self) -> None:
        (self.machine.root / "a.gpg").write_bytes(KEY)
        options = f"arch=amd64 signed-by={self.machine.root}/a.gpg,{FINGERPRINT} check-valid-until=no"
        made = self.machine.settings(source=f"# first\ndeb [ {options} ] http://mirror.test/debian bookworm main\n")
        self.assertEqual(made["keys"].encode("latin-1"), KEY)
        keys = rf"/etc/apt/ferric-build/\w+\.gpg,{FINGERPRINT}"
        self.assertRegex(made["DIB_APT_SOURCES_CONF"],
                         rf"^ferric0:deb \[ check-valid-until=no signed-by={keys} \] http:\S+ bookworm main$")
        self.assertRegex(made["DIB_DEBOOTSTRAP_EXTRA_ARGS"], r"^--keyring=\S+/made/\w+\.gpg$")

    def test_a_stanza_keeps_its_keys_and_its_trust(self) -> None:
        key = "".join(f" {line or '.'}\n" for line in ARMORED.splitlines())
        others = "# nothing\n\nTypes: deb\nURIs: http://other.test/\nSuites: x\nComponents: main\nEnabled: no\n\n"
        stanza = "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\n# why\nComponents: main\n"
        made = self.machine.settings(source=f"{others}{stanza}check-date: no\nSigned-By:\n{key}")
        self.assertEqual(made["keys"].encode("latin-1"), KEY)
        self.assertIn("deb [ check-date=no signed-by=/etc/apt/ferric-build/", made["DIB_APT_SOURCES_CONF"])

    def test_one_that_is_trusted_needs_no_signature(self) -> None:
        made = self.machine.settings(source="deb [trusted=yes] http://mirror.test/debian bookworm main\n")
        self.assertIn("deb [ trusted=yes ] http", made["DIB_APT_SOURCES_CONF"])
        self.assertEqual(made["DIB_DEBOOTSTRAP_EXTRA_ARGS"], "--no-check-gpg")

    def test_keys_that_apt_trusts_for_all_are_taken(self) -> None:
        self.machine.write("etc/trusted.gpg.d/mirror.asc", ARMORED)
        made = self.machine.settings()
        self.assertEqual(made["keys"].encode("latin-1"), KEY)
        self.assertIn("signed-by=/etc/apt/ferric-build/", made["DIB_APT_SOURCES_CONF"])

    def test_a_keyring_that_is_not_there_is_named(self) -> None:
        made = self.machine.settings(source="deb [signed-by=/not/there.gpg] http://mirror.test/debian bookworm main\n")
        self.assertEqual(made["error"], "the keyring /not/there.gpg cannot be read: No such file or directory")

    def test_empty_lists_are_filled(self) -> None:
        packages = "Package: a\nVersion: 1\nArchitecture: amd64\nFilename: a.deb\nSize: 1\n\n"
        index = f"{hashlib.sha256(packages.encode()).hexdigest()} {len(packages)} main/binary-amd64/Packages"
        release = "mirror/dists/bookworm"
        (self.machine.root / release / "main/binary-amd64").mkdir(parents=True)
        self.machine.write(f"{release}/main/binary-amd64/Packages", packages)
        self.machine.write(f"{release}/Release", "Origin: Debian\nCodename: bookworm\nArchitectures: amd64\n"
                           f"Components: main\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n {index}\n")
        made = self.machine.settings('APT::Sandbox::User "root";',
                                     source=f"deb [trusted=yes] file:{self.machine.root}/mirror bookworm main\n")
        self.assertEqual(made["DIB_DISTRIBUTION_MIRROR"], f"file:{self.machine.root}/mirror")

    def test_lists_are_filled_once(self) -> None:
        fill = f'APT::Update::Pre-Invoke {{"echo >>{self.machine.root}/updates";}};'
        made = self.machine.settings(fill, source="deb file:/not/there bookworm main\n")
        self.assertEqual(made["error"], "apt knows no Debian source of bookworm, not even after apt-get update")
        self.assertEqual((self.machine.root / "updates").read_text(), "\n")


unittest.main()
