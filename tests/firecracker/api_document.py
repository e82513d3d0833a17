"""Firecracker's published API description (Swagger 2) as a validator of requests and a maker of answers.

Swagger 2's schemas are JSON schema draft 4, but for two things: `$ref` beside other keys, where those do not count,
and what is left out, which the description means to forbid: Firecracker refuses fields it does not know.
"""

import copy
from pathlib import Path

import jsonschema
import yaml


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the one in C takes a tenth of the time
    """Reads YAML 1.2, as the description is: "Off" is a word there, and no boolean."""

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


DOCUMENT = Path(__file__).resolve().parent.parent / "data" / "firecracker.yaml"


def close(schema):
    """Forbids, in every object of a schema, the fields it does not name."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return {"$ref": schema["$ref"]}
        closed = {key: close(value) for key, value in schema.items()}
        if closed.get("type") == "object" and "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
    return [close(x) for x in schema] if isinstance(schema, list) else schema


class Document:
    def __init__(self, path=DOCUMENT):
        self.text = yaml.load(Path(path).read_text(), Loader=Loader)
        self.definitions = {"definitions": {name: self._closed(x) for name, x in self.text["definitions"].items()}}

    @staticmethod
    def _closed(definition):
        # A definition's `properties` may hold a field of that very name: only schemas are closed, not their maps.
        schema = copy.deepcopy(definition)
        fields = schema.pop("properties", None)
        closed = close(schema)
        if fields is not None:
            closed["properties"] = {name: close(x) for name, x in fields.items()}
            closed.setdefault("additionalProperties", False)
        return closed

    def operation(self, method, path):
        """@returns (the path as the description spells it, the operation, the path's parameters), or None."""
        parts = path.strip("/").split("/")
        for template, operations in self.text["paths"].items():
            names = template.strip("/").split("/")
            if len(names) != len(parts) or method.lower() not in operations:
                continue
            bound = {}
            if all(name == part or (name.startswith("{") and part and bound.setdefault(name[1:-1], part))
                   for name, part in zip(names, parts)):
                return template, operations[method.lower()], bound
        return None

    def check(self, schema, value):
        """@returns what is wrong with a value, in a line, or None."""
        validator = jsonschema.Draft4Validator({**self.definitions, **close(schema)})
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        return error and f"{'/'.join(str(x) for x in error.absolute_path) or 'body'}: {error.message}"

    def check_request(self, method, path, body):
        """@param body  what the JSON says, or None. @returns what is wrong, in a line, or None."""
        found = self.operation(method, path)
        if found is None:
            return f"Invalid request method and/or path: {method} {path}."
        _, operation, bound = found
        wanted = [x for x in operation.get("parameters", []) if x["in"] == "body"]
        if body is None:
            return f"Empty {method} request." if wanted else None
        if not wanted:
            return f"{method} request cannot have a body."
        for name, value in bound.items():  # "drive_id" is in the path and in the body: Firecracker compares them
            if isinstance(body, dict) and body.get(name, value) != value:
                return f"The id from the path [{value}] does not match the id from the body [{body[name]}]!"
        return self.check(wanted[0]["schema"], body)

    def reply_schema(self, method, path, status):
        responses = self.operation(method, path)[1]["responses"]
        return responses.get(status, responses.get("default", {})).get("schema")
