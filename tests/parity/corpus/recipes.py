"""Deploy templates, and runbooks with their traits."""

from corpus import LATEST, add, around, remove, replace, uid

DEPLOY = {"interface": "bios", "step": "apply", "args": {"a": 1}, "priority": 10}
RUN = {"interface": "bios", "step": "apply", "args": {"a": 1}, "order": 1}
NAMES = ["CUSTOM_OTHER", "HW_CPU_X86_VMX", "custom_x", "nonsense", "NONSENSE", "CUSTOM_" + "X" * 248, "CUSTOM_" + "X" * 249, "", None, 1, "CUSTOM_Ä", "CUSTOM_a", "a b"]


def steps(good, last):
    """Lists of steps to try: `last` is the key that orders them."""
    without = {key: value for key, value in good.items() if key != last}
    return [
        [], None, {}, [1], [{}], [without], [{**good, last: "x"}], [{**good, last: -1}], [{**good, last: 1.5}], [{**good, last: None}], [{**good, "more": 1}], [{**good, "interface": "nonsense"}],
        [{**good, "interface": "network"}], [{**good, "step": ""}], [{**good, "step": 1}], [{**good, "args": []}], [{**good, "args": None}], [{**good, "args": {"password": "p", "token": "t"}}],
        [{key: value for key, value in good.items() if key != "args"}], [good, {**good, last: 20}], [good, {**good, "step": "other", last: 2}], [{**good, last: "7"}],
    ]


def fill(group):
    kind(group, "deploy_templates", 55, DEPLOY, "priority", {"extra": (55, {"a": 1})})
    kind(group, "runbooks", 92, RUN, "order", {
        "extra": (92, {"a": 1}), "public": (92, True), "disable_ramdisk": (92, True), "description": (112, "text"), "traits": (112, ["CUSTOM_A"]),
    })
    for value in ("true", "false", "me", ""):
        group.get(f"/v1/runbooks?project={value}", around(92))
    group.get("/v1/runbooks?project=true&detail=true&sort_key=name")
    traits(group)
    use(group)


def kind(group, what, since, step, last, fields):
    path = f"/v1/{what}"
    good = {"steps": [step]}
    for version in around(since):
        made = {"uuid": uid(f"{what} {version}"), "name": f"CUSTOM_AT_{version}", **good}
        group.get(path, version)
        group.post(path, version, body=made)
        for ident in (made["uuid"], made["name"], uid("nobody"), "CUSTOM_NOBODY"):
            group.get(f"{path}/{ident}", version)
        group.patch(f"{path}/{made['uuid']}", version, body=replace("/name", f"CUSTOM_NEW_{version}"))
        group.delete(f"{path}/CUSTOM_NEW_{version}", version)
        group.delete(f"{path}/{made['uuid']}", version)
        for method in ("PUT", "PATCH", "DELETE"):
            group.ask(method, path, version, body=[])
    for number, name in enumerate(NAMES):
        for version in (92, 111, 112, LATEST) if what == "runbooks" else (LATEST,):
            group.post(path, version, body={"uuid": uid(f"{what} name {number} {version}"), "name": name, **good})
    for number, listed in enumerate(steps(step, last)):
        ident = uid(f"{what} steps {number}")
        group.post(path, body={"uuid": ident, "name": f"CUSTOM_STEPS_{number}", "steps": listed})
        group.get(f"{path}/{ident}", follows=True)
        group.delete(f"{path}/{ident}", follows=True)
    for name, (came, value) in {**fields, "nonsense": (since, 1), "created_at": (since, "x"), "links": (since, [])}.items():
        for version in around(came):
            ident = uid(f"{what} {name} {version}")
            group.post(path, version, body={"uuid": ident, "name": f"CUSTOM_{name.upper()}_{version}", **good, name: value})
            group.get(f"{path}/{ident}", follows=True)
    for body in ({}, {"name": "CUSTOM_X"}, good, {"name": "CUSTOM_X", "uuid": "nonsense", **good}, {"name": "CUSTOM_X", "extra": [], **good}, {"name": "CUSTOM_X", "public": "x", **good},
                 {"name": "CUSTOM_X", "owner": 1, **good}, {"name": "CUSTOM_X", "disable_ramdisk": "x", **good}):
        group.post(path, body=body)
    full = uid(f"{what} full")
    group.post(path, body={"uuid": full, "name": "CUSTOM_FULL", "extra": {"a": 1}, "steps": [step, {**step, "step": "second", last: 2, "args": {"password": "p"}}]})
    group.post(path, body={"uuid": full, "name": "CUSTOM_OTHER_NAME", **good})
    group.post(path, body={"name": "CUSTOM_FULL", **good})
    for version in range(since - 1, LATEST + 1):
        group.get(f"{path}/{full}", version)
    for query in ("detail=true", "detail=false", "detail=x", "fields=name", "fields=name,steps", "fields=nonsense", "fields=", "detail=true&fields=name", "limit=1", "limit=0", f"marker={full}",
                  f"marker={uid('nobody')}", "marker=CUSTOM_FULL", "sort_key=name", "sort_key=steps", "sort_key=extra", "sort_key=nonsense", "sort_key=created_at", "sort_dir=desc", "sort_dir=x", "more=1",
                  "fields=created_at", "fields=links", "owner=me", "public=true", "sort_key=traits", "fields=traits"):
        group.get(f"{path}?{query}", around(since))
    for query in ("fields=name", "fields=steps", "fields=nonsense", "detail=true"):
        group.get(f"{path}/{full}?{query}")
    for patch in (replace("/name", "CUSTOM_RENAMED"), replace("/name", "nonsense"), remove("/name"), add("/extra/b", 1), remove("/extra/b"), replace("/steps", [step]), replace("/steps", []), remove("/steps"),
                  add("/steps/-", {**step, "step": "third", last: 3}), add("/steps/0", {**step, "step": "zero", last: 4}), replace("/steps/0", {**step, "step": "new", last: 5}), remove("/steps/0"),
                  remove("/steps/9"), replace(f"/steps/0/{last}", 77), replace("/steps/0/args/a", 2), add("/steps/-", 1), replace("/uuid", uid("x")), remove("/uuid"), [], {}, replace("/nonsense", 1),
                  remove("/extra"), replace("/created_at", "x"), replace("/public", True), replace("/owner", "me"), replace("/disable_ramdisk", True), replace("/description", "x"), replace("/traits", [])):
        group.patch(f"{path}/{full}", body=patch)
        # What a patch has done to the order of the steps does not reach the next one.
        group.patch(f"{path}/{full}", body=replace("/steps", [step, {**step, "step": "second", last: 2}]))
    group.get(f"{path}/{full}")
    group.patch(f"{path}/{uid('nobody')}", body=replace("/name", "CUSTOM_A"))
    group.delete(f"{path}/nobody")


def traits(group):
    book = uid("runbook traits")
    group.post("/v1/runbooks", body={"uuid": book, "name": "CUSTOM_TRAITS", "steps": [RUN]})
    path = f"/v1/runbooks/{book}/traits"
    for version in around(112, 92):
        group.get(path, version)
        group.put(path, version, body={"traits": ["CUSTOM_A"]})
        group.put(f"{path}/CUSTOM_B", version)
        group.get(path, version)
        group.delete(f"{path}/CUSTOM_B", version)
        group.delete(path, version)
    for body in ({}, {"traits": None}, {"traits": ["nonsense"]}, {"traits": "CUSTOM_A"}, {"traits": ["CUSTOM_A"], "more": 1}, {"traits": [f"CUSTOM_{n}" for n in range(51)]}):
        group.put(path, body=body)
    group.put(path, body={"traits": ["CUSTOM_A", "CUSTOM_B"]})
    group.put(f"{path}/nonsense")
    group.delete(f"{path}/CUSTOM_NOBODY")
    group.get("/v1/runbooks/CUSTOM_TRAITS/traits")
    group.get(f"/v1/runbooks/{uid('nobody')}/traits")


def use(group):
    """A runbook that cleans a node."""
    group.post("/v1/runbooks", body={"uuid": uid("runbook use"), "name": "CUSTOM_USE", "steps": [{"interface": "bios", "step": "factory_reset", "args": {}, "order": 1}]})
    group.put(f"/v1/runbooks/{uid('runbook use')}/traits", body={"traits": ["CUSTOM_USED"]})
    node = group.node("recipes-node")
    group.provision(node, "manage", "manageable")
    path = f"/v1/nodes/{node}/states/provision"
    # Without a trait that the runbook has, and by its name alone only for versions that know no traits of runbooks.
    group.put(path, (92, 111, 112, LATEST), body={"target": "clean", "runbook": "CUSTOM_USE"})
    group.put(f"/v1/nodes/{node}/traits/CUSTOM_USED")
    group.put(path, (91, 92, 111), body={"target": "clean", "runbook": "CUSTOM_USE"})
    group.get(f"/v1/nodes/{node}?fields=provision_state,last_error")
    for body in ({"runbook": "CUSTOM_USE"}, {"runbook": uid("runbook use")}, {"runbook": "CUSTOM_USE", "clean_steps": []}, {"runbook": "CUSTOM_USE", "disable_ramdisk": True}):
        group.put(path, body={"target": "clean", **body})
        group.restore(node, "manageable")
    group.get(f"/v1/nodes/{node}")
