"""Images of a real Glance in a real `ferric`: check.py PROGRAM. Peers are Glance and Keystone."""

import hashlib
import os
import pathlib
import sys
import urllib.error
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "auth"))

import keystone_peer
import peer
import server

CONFIG = """[glance]
url = '{glance}'
auth_url = '{keystone}'
{credentials}
[provision]
listen = '127.0.0.1:{port}'
[conductor]
automated_clean = false
"""
OURS = "username = 'ferric'\npassword = 'ferric'\nproject_name = 'service'\n"
DATA = os.urandom(3_000_000)


class Lab:
    """Keystone, Glance, and who is who: `ann` has images in the project `lab`, `ferric` is in `service`."""

    def __init__(self, keystone, glance):
        self.keystone, self.glance = keystone, glance
        self.ann = keystone.project_token("ann", "lab")
        self.admin = keystone.project_token("glance", "service")
        self.port = server.free_port()

    def config(self, credentials):
        return CONFIG.format(glance=self.glance.url, keystone=self.keystone.url, credentials=credentials, port=self.port)

    def bytes(self, path, **headers):
        """Status, headers and bytes of what a machine asks for."""
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with server.opener.open(asked, timeout=server.PATIENCE_S) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def act(self, image, action):
        self.glance.call("POST", f"/images/{image['id']}/actions/{action}", self.admin)


def set_up(keystone):
    projects = {name: keystone.project(name) for name in ("service", "lab")}
    users = {name: keystone.user(name) for name in ("glance", "ferric", "ann")}
    for project, user, role in (
        ("service", "glance", "service"),
        ("service", "glance", "admin"),
        ("service", "ferric", "member"),
        ("lab", "ann", "member"),
    ):
        keystone.grant(projects[project], users[user], role)
    return projects, users


def node_of(ferric, image, name, kernel=None):
    """The UUID of a new node that is to be deployed with the image."""
    kernel = kernel or {"id": "http://127.0.0.1:1/kernel"}
    node = {
        "driver": "fake-hardware", "name": name, "deploy_interface": "direct", "boot_interface": "ipxe",
        "instance_info": {"image_source": image["id"]},
        "driver_info": {"deploy_kernel": kernel["id"], "deploy_ramdisk": "http://127.0.0.1:1/ramdisk"},
    }
    status, _, made = ferric.ask("/v1/nodes", "POST", body=node)
    assert status == 201, made
    address = "52:54:00:" + ":".join(f"{byte:02x}" for byte in os.urandom(3))
    status, _, port = ferric.ask("/v1/ports", "POST", body={"node_uuid": made["uuid"], "address": address})
    assert status == 201, port
    return made["uuid"]


def deploying(ferric, node):
    """Has the node deployed, as far as it gets without a machine: images are given out to those that want them."""
    for target, then in (("manage", "manageable"), ("provide", "available"), ("active", "wait call-back")):
        advance(ferric, node, target, then)


def advance(ferric, node, target, then):
    status, _, body = ferric.ask(f"/v1/nodes/{node}/states/provision", "PUT", body={"target": target})
    assert status == 202, body
    server.until(then, lambda: ferric.ask(f"/v1/nodes/{node}")[2]["provision_state"] == then)


def validation(ferric, node, interface="deploy"):
    """`None` where it is valid, or the reason."""
    shown = ferric.ask(f"/v1/nodes/{node}/validate")[2][interface]
    return None if shown["result"] else shown["reason"]


def finding(ferric, node, about):
    plan = ferric.ask(f"/ferric/v1/nodes/{node}/plan", "POST", body={})[2]
    return next(found for found in plan["findings"] if found["about"] == about)


def given_to_machines(lab, ferric):
    """an image that everybody may have is planned with, and its bytes come whole, by range, and after a restart"""
    image = lab.glance.create(lab.ann, DATA, visibility="community")
    node = node_of(ferric, image, "community", kernel=image)
    assert validation(ferric, node) is None
    assert validation(ferric, node, "boot") is None
    found = finding(ferric, node, "image")
    assert found["level"] == "ok" and found["data"]["size_bytes"] == len(DATA), found
    assert finding(ferric, node, "digest")["level"] == "ok"
    path = f"/images/{node}/{image['id']}"
    for early in (path, f"/boot/files/{node}/kernel"):
        assert lab.bytes(early)[0] == 404, "nobody wants it yet"
    deploying(ferric, node)
    status, headers, whole = lab.bytes(path)
    assert (status, whole == DATA) == (200, True), status
    assert hashlib.new(image["os_hash_algo"], whole).hexdigest() == image["os_hash_value"]
    assert lab.bytes(f"/boot/files/{node}/kernel")[2] == DATA
    script = lab.bytes("/boot/" + mac(ferric, node) + ".ipxe")
    assert script[0] == 200, script
    status, _, first = lab.bytes(path, Range="bytes=0-999999")
    assert (status, first == DATA[:1_000_000]) == (206, True), status
    ferric.process.kill()
    ferric.process.wait()
    ferric.__enter__()
    wanted = {"Range": "bytes=1000000-", "If-Range": headers["ETag"]}
    status, parts, rest = lab.bytes(path, **wanted)
    assert (status, first + rest == DATA) == (206, True), status
    assert parts["Content-Range"] == f"bytes 1000000-{len(DATA) - 1}/{len(DATA)}", parts
    assert lab.bytes(path, Range=f"bytes={len(DATA)}-")[0] == 416
    assert lab.bytes(f"/images/{node}/{node}")[0] == 404


def mac(ferric, node):
    ports = ferric.ask(f"/v1/nodes/{node}/ports")[2]["ports"]
    return ports[0]["address"].replace(":", "-")


def private(lab, ferric, service):
    """an image of another project is given to no machine before it is shared with ours"""
    image = lab.glance.create(lab.ann, DATA, visibility="shared")
    node = node_of(ferric, image, "shared")
    path = f"/images/{node}/{image['id']}"
    assert "does not show it to us" in validation(ferric, node)
    assert finding(ferric, node, "image")["level"] == "error"
    assert lab.bytes(path)[0] == 404
    lab.glance.call("POST", f"/images/{image['id']}/members", lab.ann, {"member": service})
    assert validation(ferric, node) is None
    deploying(ferric, node)
    assert lab.bytes(path)[2] == DATA
    lab.glance.call("DELETE", f"/images/{image['id']}/members/{service}", lab.ann)
    assert lab.bytes(path)[0] == 404


def administrators(lab, ferric):
    """credentials that may see every image give machines no more than ours"""
    image = lab.glance.create(lab.ann, DATA, visibility="private")
    node = node_of(ferric, image, "private")
    assert "belongs to another project" in validation(ferric, node)
    assert lab.bytes(f"/images/{node}/{image['id']}")[0] == 404


def unusable(lab, ferric):
    """why an image cannot be used is said by validate, plan and the deploy that fails"""
    image = lab.glance.create(lab.ann, DATA, visibility="community")
    node = node_of(ferric, image, "unusable")
    lab.act(image, "deactivate")
    for text in (validation(ferric, node), finding(ferric, node, "image")["text"]):
        assert "is deactivated in Glance, not active" in text, text
    assert lab.bytes(f"/images/{node}/{image['id']}")[0] == 404
    assert "is deactivated in Glance" in failed_deploy(ferric, node)
    lab.act(image, "reactivate")
    assert validation(ferric, node) is None
    for more, part in (
        ({"data": None}, "is queued in Glance"),
        ({"data": DATA, "kernel_id": image["id"], "ramdisk_id": image["id"]}, "of a partition"),
    ):
        other = lab.glance.create(lab.ann, visibility="community", **more)
        reason = validation(ferric, node_of(ferric, other, f"other-{other['id']}"))
        assert part in reason, reason
    lab.glance.call("DELETE", f"/images/{image['id']}", lab.ann)
    assert "Glance has no image" in validation(ferric, node)


def failed_deploy(ferric, node):
    """Has the node deployed; its `last_error`."""
    for target, then in (("manage", "manageable"), ("provide", "available"), ("active", "deploy failed")):
        advance(ferric, node, target, then)
    return ferric.ask(f"/v1/nodes/{node}")[2]["last_error"]


def away(lab, ferric):
    """a Glance that is away is told of, and machines ask again"""
    image = lab.glance.create(lab.ann, DATA, visibility="community")
    node = node_of(ferric, image, "away")
    path = f"/images/{node}/{image['id']}"
    deploying(ferric, node)
    lab.glance.stop()
    assert "asking Glance" in validation(ferric, node)
    status, headers, _ = lab.bytes(path)
    assert (status, "Retry-After" in headers) == (503, True), status
    lab.glance.start()
    assert validation(ferric, node) is None
    assert lab.bytes(path)[2] == DATA


def application_credential(lab, program, user):
    """an application credential does as well; a wrong one is told of"""
    own = lab.keystone.project_token("ferric", "service")
    body = {"application_credential": {"name": "ferric", "roles": [{"name": "member"}]}}
    made = lab.keystone.call("POST", f"/users/{user}/application_credentials", body, own)["application_credential"]
    image = lab.glance.create(lab.ann, DATA, visibility="community")
    for secret, part in ((made["secret"], None), ("wrong", "check the credentials")):
        more = f"application_credential_id = '{made['id']}'\napplication_credential_secret = '{secret}'\n"
        with server.Ferric(program, lab.config(more)) as ferric:
            reason = validation(ferric, node_of(ferric, image, "credential"))
            assert (reason is None) if part is None else (part in reason), reason


def main():
    program = sys.argv[1]
    count = 0

    def say(check, *arguments):
        nonlocal count
        check(*arguments)
        count += 1
        print(check.__doc__, flush=True)

    with keystone_peer.Keystone() as keystone:
        projects, users = set_up(keystone)
        with peer.Glance(keystone) as glance:
            lab = Lab(keystone, glance)
            with server.Ferric(program, lab.config(OURS)) as ferric:
                say(given_to_machines, lab, ferric)
                say(private, lab, ferric, projects["service"])
                say(unusable, lab, ferric)
                say(away, lab, ferric)
            all_seeing = "username = 'glance'\npassword = 'glance'\nproject_name = 'service'\n"
            with server.Ferric(program, lab.config(all_seeing)) as ferric:
                say(administrators, lab, ferric)
            say(application_credential, lab, program, users["ferric"])
    print(f"{count} passed")


main()
