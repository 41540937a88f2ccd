"""Our model of the API against the one that botocore carries: every operation, member, bound, pattern, enum and error."""

import json
import unittest
import urllib.request

from support import ENDPOINT, KAFKA



def schema_of(shape):
    """The schema that a botocore shape should have in our document."""
    kind = shape.type_name
    if kind == "structure" or (kind == "string" and shape.enum):
        return {"$ref": f"#/components/schemas/{shape.name}"}
    bounds = shape.metadata
    if kind == "list":
        sizes = {"minItems": bounds.get("min"), "maxItems": bounds.get("max")}
        return {"type": "array", "items": schema_of(shape.member), **present(sizes)}
    if kind == "map":
        return {"type": "object", "additionalProperties": schema_of(shape.value)}
    if kind == "string":
        sizes = {"minLength": bounds.get("min"), "maxLength": bounds.get("max"), "pattern": bounds.get("pattern")}
        return {"type": "string", **present(sizes)}
    if kind in ("integer", "long"):
        sizes = {"minimum": bounds.get("min"), "maximum": bounds.get("max")}
        return {"type": "integer", "format": "int32" if kind == "integer" else "int64", **present(sizes)}
    return {
        "double": {"type": "number", "format": "double"},
        "boolean": {"type": "boolean"},
        "blob": {"type": "string", "contentEncoding": "base64"},
        "timestamp": {"type": "string", "format": "date-time"},
    }[kind]


def present(sizes):
    return {name: value for name, value in sizes.items() if value is not None}


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with urllib.request.urlopen(f"{ENDPOINT}/openmsk/v1/openapi.json", timeout=10) as answer:
            cls.ours = json.load(answer)
        cls.theirs = KAFKA.meta.service_model
        cls.operations = {
            one["operationId"]: (path, method, one)
            for path, methods in cls.ours["paths"].items()
            for method, one in methods.items()
        }

    def test_operations(self):
        self.assertEqual(sorted(self.operations), sorted(self.theirs.operation_names))
        for name, (path, method, ours) in self.operations.items():
            theirs = self.theirs.operation_model(name)
            self.assertEqual((method.upper(), path), (theirs.http["method"], theirs.http["requestUri"]), name)
            success = str(theirs.http.get("responseCode", 200))
            wanted = {shape.metadata["error"]["httpStatusCode"] for shape in theirs.error_shapes} | {403}
            self.assertEqual(sorted(ours["responses"]), sorted([success, *map(str, wanted)]), name)
            named = {shape.name for shape in theirs.error_shapes}
            said = {it for answer in ours["responses"].values() for it in answer["description"].split(", ")}
            self.assertEqual(said - {"Done", ""}, named, name)
            self.assertEqual(ours["x-pages"], KAFKA.can_paginate(KAFKA.meta.method_to_api_mapping and snake(name)), name)

    def test_parameters_and_bodies(self):
        for name, (_, _, ours) in self.operations.items():
            shape = self.theirs.operation_model(name).input_shape
            outside, inside = {}, {}
            for member in shape.members.values():
                wire = member.serialization.get("name")
                (outside if "location" in member.serialization else inside)[wire] = member
            said = {it["name"]: (it["in"], it["schema"]) for it in ours["parameters"]}
            places = {"uri": "path", "querystring": "query"}
            wanted = {wire: (places[it.serialization["location"]], schema_of(it)) for wire, it in outside.items()}
            self.assertEqual(said, wanted, name)
            self.assertEqual("requestBody" in ours, bool(inside), name)

    def test_shapes(self):
        schemas = self.ours["components"]["schemas"]
        seen = 0
        for name in self.theirs.shape_names:
            shape = self.theirs.shape_for(name)
            if shape.type_name == "string" and shape.enum:
                self.assertEqual(schemas[name]["enum"], shape.enum)
                seen += 1
            if shape.type_name != "structure" or name == "Error" or shape.metadata.get("exception"):
                continue
            inside = {it.serialization.get("name", key): it for key, it in shape.members.items()}
            inside = {wire: it for wire, it in inside.items() if "location" not in it.serialization}
            self.assertEqual(schemas[name]["properties"], {wire: schema_of(it) for wire, it in inside.items()}, name)
            required = {shape.members[key].serialization.get("name", key) for key in shape.required_members}
            self.assertEqual(set(schemas[name]["required"]), required & set(inside), name)
            seen += 1
        self.assertGreater(seen, 150)


def snake(name):
    return next(method for method, operation in KAFKA.meta.method_to_api_mapping.items() if operation == name)


if __name__ == "__main__":
    unittest.main()
