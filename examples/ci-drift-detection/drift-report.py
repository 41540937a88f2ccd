"""Turns a plan into a report that people read: what was changed outside Terraform, and what the next apply would do about it.

usage: drift-report.py PLAN_JSON        (from `terraform show -json plan.bin`, or `tofu show -json plan.bin`)

Prints Markdown. The exit code is 0 when there is nothing to tell, 2 when there is. What is sensitive is never shown.
"""

import json
import sys

ACTIONS = {
    ("create",): "is missing, and would be created",
    ("update",): "differs, and would be updated in place",
    ("delete",): "is not in the configuration any more, and would be deleted",
    ("delete", "create"): "differs, and would be **replaced**",
    ("create", "delete"): "differs, and would be **replaced**",
    ("forget",): "would be forgotten, and go on to exist",
}
SENSITIVE = "(sensitive)"


def is_sensitive(marks, key):
    """Marks are `true` for a whole value, or have the shape of what they mark."""
    if isinstance(marks, dict):
        marks = marks.get(key)
    return marks is True or (isinstance(marks, (dict, list)) and bool(marks) and contains_true(marks))


def contains_true(marks):
    inner = marks.values() if isinstance(marks, dict) else marks if isinstance(marks, list) else []
    return marks is True or any(contains_true(it) for it in inner)


def shown(value):
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    # A bar would end the cell of a table.
    return "`" + text.replace("|", "\\|").replace("`", "'") + "`"


def differences(change):
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    for key in sorted(before.keys() | after.keys() | unknown.keys()):
        old, new = before.get(key), after.get(key)
        not_known = bool(unknown.get(key)) if isinstance(unknown, dict) else False
        if old == new and not not_known:
            continue
        secret = is_sensitive(change.get("before_sensitive"), key) or is_sensitive(change.get("after_sensitive"), key)
        if secret:
            yield key, SENSITIVE, SENSITIVE
        else:
            yield key, shown(old), "(known after apply)" if not_known else shown(new)


def table(change):
    rows = [f"| {key} | {old} | {new} |" for key, old, new in differences(change)]
    return ["", "| attribute | before | after |", "|---|---|---|", *rows] if rows else []


def report(plan):
    lines = []
    drifted = [it for it in plan.get("resource_drift", []) if it["change"]["actions"] != ["no-op"]]
    if drifted:
        lines += ["## Changed outside Terraform"]
    for it in drifted:
        gone = it["change"]["actions"] == ["delete"]
        lines += ["", f"### `{it['address']}`" + (" was deleted" if gone else "")]
        lines += [] if gone else table(it["change"])
    planned = [it for it in plan.get("resource_changes", []) if it["change"]["actions"] not in (["no-op"], ["read"])]
    if planned:
        lines += ["", "## What the next apply would do"]
    for it in planned:
        actions = tuple(it["change"]["actions"])
        lines += ["", f"### `{it['address']}` {ACTIONS.get(actions, '/'.join(actions))}"]
        lines += table(it["change"]) if it["change"].get("before") else []
    for name, change in sorted((plan.get("output_changes") or {}).items()):
        if change["actions"] != ["no-op"]:
            lines += ["", f"Output `{name}` would change."]
    return lines


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = report(json.load(file))
    print("\n".join(lines).strip() if lines else "No drift: what runs is what the configuration says.")
    sys.exit(2 if lines else 0)


main()
