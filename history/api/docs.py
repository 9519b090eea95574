"""Writes the tables of docs/remote-api.md from the declarations: python -m history.api.docs

Between `<!-- table: Name -->` and `<!-- end -->` stands the table of that method or reply; the
rest of the page is written by hand. With `--check` nothing is written, and the exit code says
whether something would be.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_type_hints

from history.api import replies
from history.api.methods import METHODS, Method, Parameter, parameters

PAGE = Path(__file__).parent.parent.parent / "docs" / "remote-api.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
TYPES: Mapping[str, type[Any]] = {
    name: value
    for name, value in vars(replies).items()
    if isinstance(value, type) and value.__module__ == replies.__name__
}


def tables(page: str) -> str:
    """The page with every table as the declarations have it now."""
    return TABLE.sub(lambda found: f"{found[1]}\n{_table(found[2])}\n{found[3]}", page)


def _table(name: str) -> str:
    rows = _method_rows(METHODS[name]) if name in METHODS else _reply_rows(TYPES[name])
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body, ""])


def _method_rows(method: type[Method]) -> list[list[str]]:
    head = ["Parameter", "Type", "Required", "Default", "Limits", "Meaning"]
    return [head, *(_parameter_row(parameter) for parameter in parameters(method).values())]


def _parameter_row(parameter: Parameter) -> list[str]:
    return [
        f"`{parameter.name}`" + (" †" if parameter.param.extra else ""),
        "JSON array of strings" if parameter.param.json else parameter.sort,
        "yes" if parameter.required else "",
        _default(parameter),
        "; ".join(_limits(parameter)),
        parameter.param.help.replace("|", r"\|"),
    ]


def _default(parameter: Parameter) -> str:
    match parameter.server_default:
        case None:
            return ""
        case bool(value):
            return f"`{str(value).lower()}`"
        case tuple(values):
            return f"`{';'.join(map(str, values))}`"
        case value:
            return f"`{value}`"


def _limits(parameter: Parameter) -> list[str]:
    param = parameter.param
    limits = []
    if param.minimum is not None:
        limits.append(f"at least {param.minimum}")
    if param.maximum is not None:
        limits.append(f"at most {param.maximum}, more in reports")
    if param.max_items is not None:
        limits.append(f"at most {param.max_items} elements")
    if param.max_length is not None:
        limits.append(f"at most {param.max_length} bytes")
    if param.choices:
        limits.append(", ".join(f"`{choice}`" for choice in param.choices))
    if parameter.allows_all:
        limits.append("or `all`")
    if param.csv_only:
        limits.append("CSV only")
    return limits


def _reply_rows(reply: type[Any]) -> list[list[str]]:
    hints = get_type_hints(reply)
    return [
        ["Field", "Type", "Always there"],
        *(
            [f"`{f.name}`", _type_name(hints[f.name]), "yes" if f.default is MISSING else ""]
            for f in fields(reply)
            if f.name != "extra"
        ),
    ]


def _type_name(hint: Any) -> str:
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    text = re.sub(r"\b(?:[a-z_]+\.)+", "", text).removesuffix(" | None")
    if listed := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", text):
        return f"list of {listed[1]}"
    return {"datetime": "moment", "str": "text", "bool": "true or false", "int": "number"}.get(
        text, "object" if text.startswith("Mapping") else text
    )


def main(arguments: list[str]) -> int:
    """Write the page, or check it. Returns the exit code."""
    old = PAGE.read_text("utf-8")
    new = tables(old)
    if "--check" in arguments:
        return int(new != old)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
