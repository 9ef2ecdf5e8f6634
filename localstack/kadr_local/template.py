"""A CloudFormation template with nested stacks → one template without them.

MiniStack has nested stacks, but wants their templates uploaded and shows each as a stack of its own. Here the
children are put into their parent: nothing to upload, and one stack to look at. Their resources get the name
of the nested stack in front, and ``!GetAtt Nested.Outputs.X`` becomes what the output stands for. Parameters,
mappings and conditions are resolved on the way, because all of them are known here; what depends on
resources that exist only later (``Ref``, ``GetAtt``, ``Sub`` of them) stays.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kadr_local.errors import DeployError

Node = Any
_NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
_TOKEN = re.compile(r"\$\{(!?)([^}!]+)\}")
_NO_VALUE = {"Ref": "AWS::NoValue"}


def read(path: Path) -> dict[str, Node]:
    """Return a template with the short forms of functions (``!Ref``) written out.

    Raises:
        DeployError: the file is missing or is not a template.
    """
    from samtranslator.yaml_helper import yaml_parse

    try:
        template = yaml_parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeployError(f"{path} does not exist: run `kadr` in a checkout of the project.") from None
    except Exception as error:
        raise DeployError(f"{path} is not a template: {error}") from error
    if not isinstance(template, dict) or "Resources" not in template:
        raise DeployError(f"{path} is not a template: it has no Resources.")
    return template


def flatten(path: Path, parameters: Mapping[str, str]) -> dict[str, Node]:
    """Return the template at ``path`` and everything nested in it as one, for these parameters.

    Raises:
        DeployError: a parameter is unknown or has no value, or a template is not valid.
    """
    template = read(path)
    unknown = set(parameters) - set(template.get("Parameters") or {})
    if unknown:
        raise DeployError(f"{path.name} has no parameter {', '.join(sorted(unknown))}.")
    scope = _Scope.of(template, dict(parameters), path, prefix="")
    flat: dict[str, Node] = {
        key: template[key]
        for key in ("AWSTemplateFormatVersion", "Transform", "Description")
        if key in template
    }
    if "Globals" in template:
        flat["Globals"] = scope.resolve(template["Globals"])
    flat["Resources"] = scope.resources(template)
    flat["Outputs"] = {
        name: {key: value for key, value in output.items() if key != "Condition"}
        for name, output in scope.outputs(template).items()
    }
    # Outputs of children stand for resources that may have been met later than their reference.
    return {key: scope.settle(value) for key, value in flat.items()}


@dataclass
class _Scope:
    """One template while it is put into the flat one."""

    path: Path
    prefix: str
    parameters: dict[str, Node]
    lists: frozenset[str]
    mappings: dict[str, Node]
    conditions: dict[str, Node]
    names: frozenset[str]
    outputs_of: dict[str, dict[str, Node]] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Mapping[str, Node], given: dict[str, Node], path: Path, prefix: str) -> _Scope:
        values, lists = {}, set()
        for name, declared in (template.get("Parameters") or {}).items():
            if name in given:
                value = given[name]
            elif "Default" in declared:
                value = declared["Default"]
            else:
                raise DeployError(f"{path.name}: the parameter {name} has no value.")
            if declared["Type"] == "CommaDelimitedList" or declared["Type"].startswith("List<"):
                lists.add(name)
                if isinstance(value, str):
                    value = [item.strip() for item in value.split(",")]
            elif not isinstance(value, dict | list):
                value = str(value)
            values[name] = value
        return cls(
            path,
            prefix,
            values,
            frozenset(lists),
            template.get("Mappings") or {},
            template.get("Conditions") or {},
            frozenset(template["Resources"]),
        )

    # --- what is kept ---

    def resources(self, template: Mapping[str, Node]) -> dict[str, Node]:
        kept: dict[str, Node] = {}
        for name, resource in template["Resources"].items():
            if "Condition" in resource and not self.condition(resource["Condition"]):
                continue
            if resource["Type"] in _NESTED:
                kept |= self._child(name, resource)
                continue
            kept[self.prefix + name] = self.resolve(
                {key: value for key, value in resource.items() if key != "Condition"}
            )
            if "DependsOn" in resource:
                after = resource["DependsOn"]
                kept[self.prefix + name]["DependsOn"] = [
                    self.prefix + each for each in ([after] if isinstance(after, str) else after)
                ]
        return kept

    def outputs(self, template: Mapping[str, Node]) -> dict[str, Node]:
        return {
            name: self.resolve(output)
            for name, output in (template.get("Outputs") or {}).items()
            if "Condition" not in output or self.condition(output["Condition"])
        }

    def _child(self, name: str, resource: Mapping[str, Node]) -> dict[str, Node]:
        properties = resource["Properties"]
        location = properties.get("TemplateURL") or properties.get("Location")
        if not isinstance(location, str) or "://" in location:
            raise DeployError(f"{self.path.name}: {name} is not a template of this checkout ({location}).")
        path = self.path.parent / location
        template = read(path)
        given = self.resolve(properties.get("Parameters") or {})
        child = _Scope.of(template, given, path, prefix=self.prefix + name)
        resources = child.resources(template)
        self.outputs_of[name] = {key: each["Value"] for key, each in child.outputs(template).items()}
        return child.settle(resources)

    # --- what is replaced ---

    def resolve(self, node: Node) -> Node:  # noqa: PLR0911 - one line per function
        """Return ``node`` with everything replaced that is known before the deployment."""
        if isinstance(node, list):
            return [item for item in map(self.resolve, node) if item != _NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((kind, inner),) = node.items()
            if kind == "Ref":
                return self._reference(inner)
            if kind == "Fn::GetAtt":
                return self._attribute(inner)
            if kind == "Fn::If":
                return self.resolve(inner[1] if self.condition(inner[0]) else inner[2])
            if kind == "Fn::FindInMap":
                return self._mapped(inner)
            if kind == "Fn::Sub":
                return self._substituted(inner)
            if kind == "Fn::Join":
                separator, items = inner[0], self.resolve(inner[1])
                if isinstance(items, list) and all(isinstance(item, str) for item in items):
                    return separator.join(items)
                return {kind: [separator, items]}
            if kind == "Fn::Split":
                text = self.resolve(inner[1])
                return text.split(inner[0]) if isinstance(text, str) else {kind: [inner[0], text]}
            if kind in ("Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or") or kind == "Condition":
                return node if kind == "Condition" and not isinstance(inner, str) else self._or_keep(node)
        resolved = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in resolved.items() if value != _NO_VALUE}

    def _or_keep(self, node: Node) -> Node:
        # "Condition" is also a key of IAM statements, whose value is no name of ours.
        try:
            return self.condition(node)
        except DeployError:
            return {key: self.resolve(value) for key, value in node.items()}

    def _reference(self, name: str) -> Node:
        if name in self.parameters:
            return copy.deepcopy(self.parameters[name])
        return {"Ref": self.prefix + name if name in self.names else name}

    def _attribute(self, inner: Node) -> Node:
        name, attribute = inner.split(".", 1) if isinstance(inner, str) else (inner[0], ".".join(inner[1:]))
        if attribute.startswith("Outputs.") and name in self.names:
            # replaced by settle(), when the child has been met
            return {"Fn::GetAtt": [f"{self.prefix}{name}", attribute]}
        return {"Fn::GetAtt": [self.prefix + name if name in self.names else name, attribute]}

    def _mapped(self, inner: Node) -> Node:
        name, first, second = (self.resolve(each) for each in inner[:3])
        try:
            return copy.deepcopy(self.mappings[name][first][second])
        except (KeyError, TypeError):
            raise DeployError(f"{self.path.name}: the mapping {name} has no {first}.{second}.") from None

    def _substituted(self, inner: Node) -> Node:
        text, own = (inner, {}) if isinstance(inner, str) else (inner[0], self.resolve(inner[1]))
        variables: dict[str, Node] = {}

        def replace(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return match[0]
            if name in own:
                return self._inline(own[name], name, variables)
            if name in self.parameters:
                return self._inline(self.parameters[name], name, variables)
            head, _, attribute = name.partition(".")
            if head in self.names:
                node = self._attribute([head, attribute]) if attribute else self._reference(head)
                return self._inline(node, name, variables)
            return match[0]

        return _sub(_TOKEN.sub(replace, text), variables)

    def _inline(self, value: Node, name: str, variables: dict[str, Node]) -> str:
        return _inline(value, self.prefix + name, variables)

    def settle(self, node: Node) -> Node:
        """Return ``node`` with the outputs of children put in."""
        if isinstance(node, list):
            return [self.settle(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((kind, inner),) = node.items()
            if kind == "Fn::GetAtt" and inner[1].startswith("Outputs."):
                return self._output(inner[0], inner[1])
            if kind == "Fn::Sub":
                return self._settled_text(inner)
        return {key: self.settle(value) for key, value in node.items()}

    def _settled_text(self, inner: Node) -> Node:
        text, own = (inner, {}) if isinstance(inner, str) else (inner[0], self.settle(inner[1]))
        variables: dict[str, Node] = dict(own)

        def replace(match: re.Match[str]) -> str:
            head, _, attribute = match[2].strip().partition(".")
            if match[1] or not attribute.startswith("Outputs."):
                return match[0]
            return self._inline(self._output(head, attribute), match[2].strip(), variables)

        return _sub(_TOKEN.sub(replace, text), variables)

    def _output(self, name: str, attribute: str) -> Node:
        name = name.removeprefix(self.prefix)
        try:
            return copy.deepcopy(self.outputs_of[name][attribute.removeprefix("Outputs.")])
        except KeyError:
            raise DeployError(
                f"{self.path.name}: {name} has no output {attribute}, or is not made."
            ) from None

    # --- conditions ---

    def condition(self, node: Node) -> bool:
        """Return what a condition says; ``node`` is its name or an expression."""
        if isinstance(node, str):
            if node not in self.conditions:
                raise DeployError(f"{self.path.name}: there is no condition {node}.")
            return self.condition(self.conditions[node])
        if isinstance(node, dict) and len(node) == 1:
            ((kind, inner),) = node.items()
            kinds: dict[str, Callable[[], bool]] = {
                "Condition": lambda: self.condition(inner),
                "Fn::Not": lambda: not self.condition(inner[0]),
                "Fn::And": lambda: all(self.condition(each) for each in inner),
                "Fn::Or": lambda: any(self.condition(each) for each in inner),
                "Fn::Equals": lambda: self.resolve(inner[0]) == self.resolve(inner[1]),
            }
            if kind in kinds:
                return kinds[kind]()
        raise DeployError(f"{self.path.name}: {node!r} is not a condition.")


def _sub(text: str, variables: Mapping[str, Node]) -> Node:
    if variables:
        return {"Fn::Sub": [text, dict(variables)]}
    return {"Fn::Sub": text} if "${" in text else text


def _inline(value: Node, name: str, variables: dict[str, Node]) -> str:
    """Return what stands in a text for ``value``; what has no short form becomes a variable."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inner),) = value.items()
        if kind == "Ref":
            return "${" + inner + "}"
        if kind == "Fn::GetAtt":
            return "${" + ".".join(inner) + "}"
        if kind == "Fn::Sub" and isinstance(inner, str):
            return str(inner)
    if not isinstance(value, dict | list):
        return str(value)
    key = re.sub(r"[^A-Za-z0-9]", "", name)
    variables[key] = value
    return "${" + key + "}"
