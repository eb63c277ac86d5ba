"""Whether everyone agrees on what is loaded: the list, the view, the API, and the webhooks."""

from control import Gone, post_once
from database import reading

# Answers of a webhook of a module that is not loaded.
REFUSALS = (404, 503)


def disagreements(control, command_line, host, expected, refusing=()):
    """`expected` says of each module name whether it is active; one text per disagreement.

    `refusing` names active modules whose webhook is paused, and so refused as well.
    """
    found = []
    try:
        listed = {
            module["name"]: module["state"]
            for module in command_line.json("module", "list", "--all")
        }
        served = {name: status["state"] for name, status in control.modules().items()}
    except Gone as failure:
        return [f"could not be asked: {failure}"]
    stored = _stored(host.database)
    for name, is_active in expected.items():
        found += _check(name, is_active, listed, served, stored)
        answer = _webhook(host.port, name)
        wanted = is_active and name not in refusing
        if wanted and answer != 200 or not wanted and answer not in REFUSALS:
            found.append(f"{name} is {'' if wanted else 'not '}active, its webhook says {answer}")
    unexpected = {name for name, state in served.items() if state != "removed"} - set(expected)
    found += [f"{name} is loaded and nobody loaded it" for name in sorted(unexpected)]
    return found


def _check(name, is_active, listed, served, stored):
    wanted = "active" if is_active else "removed"
    views = {
        "module list --all": listed.get(name, "removed"),
        "/control/module/list": served.get(name, "removed"),
        "v_modules.state": stored.get(name, ("removed", "removed"))[0],
        "v_modules.desired": stored.get(name, ("removed", "removed"))[1],
    }
    for where, state in views.items():
        if state != wanted:
            yield f"{name} should be {wanted}, {where} says {state}"


def _stored(database):
    with reading(database) as connection:
        return {
            name: (state, desired) for name, state, desired in connection.execute(
                "SELECT name, state, desired FROM v_modules")
        }


def _webhook(port, name):
    """A webhook that the judgement leaves out of its count: it has no number."""
    try:
        return post_once(port, f"/webhook/{name}/hook", b'{"type": "probe"}').status
    except Gone as failure:
        return str(failure)
