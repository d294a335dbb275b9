"""What two answers to the same request differ in. Values count, but for free texts, times, addresses and chosen ids."""

import json
import re

# Of these headers the value counts, of the rest whether they are there.
COMPARED = {
    "content-type",
    "location",
    "allow",
    "x-openstack-ironic-api-minimum-version",
    "x-openstack-ironic-api-maximum-version",
    "x-openstack-ironic-api-version",
}
# Said by the connection and not by the API.
IGNORED = {"date", "server", "connection", "content-length", "keep-alive", "transfer-encoding"}

# Texts for people: that there is one counts, not what it says.
FREE_TEXT = {
    "faultstring",
    "title",
    "description",
    "reason",
    "last_error",
    "event",
    "provision_updated_at",
}

# Lists whose order means nothing, and with Ironic changes from start to start.
UNORDERED = re.compile(r"enabled_\w+_interfaces|traits")

# Here a key is described by its value.
DESCRIBED = re.compile(r"/(properties|logical_disk_properties)(\?|$)")


class Difference:
    """Where two answers differ, and what stands there: texts, shortened when they are shown."""

    def __init__(self, where, ironic, ferric):
        self.where = where
        self.ironic = ironic
        self.ferric = ferric

    def __str__(self):
        return f"{self.where}: ironic {short(self.ironic)}, ferric {short(self.ferric)}"


def short(value, limit=260):
    """One line for a report."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def differences(step, ironic, ferric):
    """Pairs of (peer, answer) to a list of differences. A different status says it all: what follows from it is left out."""
    (one, left), (other, right) = ironic, ferric
    if left.status != right.status:
        return [Difference("status", f"{left.status} {text_of(left)}", f"{right.status} {text_of(right)}")]
    found = []
    headers(one, left.headers, other, right.headers, found)
    mine, yours = normal(one, left.body), normal(other, right.body)
    if error_form(mine) != error_form(yours):
        found.append(Difference("error form", f"{error_form(mine)}: {text_of(left)}", f"{error_form(yours)}: {text_of(right)}"))
    else:
        walk("body", mine, yours, found, DESCRIBED.search(step.path))
    return found


def error_form(body):
    """The keys of an error, in its wrapping; `None` for what is none."""
    if isinstance(body, dict) and isinstance(body.get("error_message"), dict):
        inner = body["error_message"]["as text"]
        return "wrapped " + (", ".join(sorted(inner)) if isinstance(inner, dict) else kind(inner))
    if isinstance(body, dict) and "faultstring" in body:
        return "bare " + ", ".join(sorted(body))
    return None


def text_of(answer):
    """What an answer says, without its wrapping."""
    inner = unwrapped(answer.body)
    if isinstance(inner, dict):
        return str(inner.get("faultstring") or inner.get("description") or "") if answer.status >= 400 else ""
    return ""


def headers(one, left, other, right, found):
    """Names that only one has, and values that differ."""
    for name in sorted((set(left) | set(right)) - IGNORED):
        mine, yours = left.get(name), right.get(name)
        if mine is None or yours is None:
            found.append(Difference(f"header {name}", mine, yours))
        elif name in COMPARED:
            mine, yours = header_value(name, one.normal(mine)), header_value(name, other.normal(yours))
            if mine != yours:
                found.append(Difference(f"header {name}", mine, yours))


def header_value(name, value):
    """The order in `Allow`, and the blank in a media type, mean nothing."""
    if name == "allow":
        return ", ".join(sorted(part.strip() for part in value.split(",")))
    return value.replace("; ", ";").lower() if name == "content-type" else value


def unwrapped(body):
    """The inner object of an error; anything else as it is."""
    if isinstance(body, dict) and set(body) == {"error_message"} and isinstance(body["error_message"], str):
        try:
            return {"error_message": json.loads(body["error_message"])}["error_message"]
        except ValueError:
            return body
    return body


def normal(peer, body):
    """A body in which all texts are normal, and the text inside an error is the object that it stands for."""
    if isinstance(body, str):
        return peer.normal(body)
    if isinstance(body, list):
        return [normal(peer, item) for item in body]
    if isinstance(body, dict):
        inner = unwrapped(body)
        if inner is not body:
            return {"error_message": {"as text": normal(peer, inner)}}
        return {peer.normal(key): ordered(key, normal(peer, value)) for key, value in body.items()}
    return body


def ordered(key, value):
    """A list without an order of its own, in some order."""
    if isinstance(value, list) and UNORDERED.fullmatch(key):
        return sorted(value, key=str)
    return value


def kind(value):
    """The JSON type of a value."""
    for name, types in (("null", type(None)), ("bool", bool), ("number", (int, float)), ("text", str), ("list", list)):
        if isinstance(value, types):
            return name
    return "object"


def walk(where, left, right, found, free=False):
    """Adds what differs below this place; all texts are `free` where they describe keys."""
    if kind(left) != kind(right):
        found.append(Difference(where, left, right))
    elif isinstance(left, dict):
        for key in sorted(set(left) | set(right)):
            if key not in left or key not in right:
                found.append(Difference(f"{where}.{key}", left.get(key, "(no key)"), right.get(key, "(no key)")))
            elif not ((free or key in FREE_TEXT) and isinstance(left[key], str) and isinstance(right[key], str)):
                walk(f"{where}.{key}", left[key], right[key], found, free)
    elif isinstance(left, list):
        if len(left) != len(right):
            found.append(Difference(f"{where} length", left, right))
            if keys(left) and keys(right) and keys(left) != keys(right):
                found.append(Difference(f"{where} keys", keys(left), keys(right)))
            for number, mine, yours in alike(left, right):
                walk(f"{where}[{number}]", mine, yours, found)
        else:
            for number, (mine, yours) in enumerate(zip(left, right)):
                walk(f"{where}[{number}]", mine, yours, found)
    elif left != right:
        found.append(Difference(where, left, right))


def keys(items):
    """Those that the objects of a list have, or nothing."""
    return sorted({key for item in items if isinstance(item, dict) for key in item})


def alike(left, right):
    """Of two lists of objects that are not of one length: the places on the left of those that are of one name, with both."""
    names = {item.get("name"): item for item in right if isinstance(item, dict) and item.get("name")}
    for number, item in enumerate(left):
        if isinstance(item, dict) and item.get("name") in names:
            yield number, item, names[item["name"]]
