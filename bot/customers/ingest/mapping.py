"""The mapping file: which columns of which sources mean what. What it does not name is not read into anything.

Every mistake in it is an InputError with its line.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import available_timezones

import msgspec
import phonenumbers
import yaml

from bot.customers.events import Kind
from bot.customers.ingest.fields import KINDS, WHO, Field, Type
from bot.errors import InputError

FORMATS = ("csv", "excel", "jsonl", "parquet", "http")
RESERVED = {"shop", "yingda", "segment"}  # sources of events that are not read from files
LONGEST_NAME = 50
T = TypeVar("T")


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"meaning": "is"}):
    """What one column means and how its texts are to be read."""

    meaning: str
    of: str = ""  # a customer_key: the source whose key it is; this source where it is left out
    name: str = ""  # a trait's name; the column's where it is left out
    values: dict[str, str] | None = None  # how the file writes it -> what it is
    formats: tuple[str, ...] = ()  # of times, as strptime has them; epoch_s, epoch_ms and excel for numbers
    order: Literal["", "dmy", "mdy"] = ""  # of dates such as 03/04/2026
    time_zone: str = ""
    region: str = ""  # of telephone numbers without a country's code
    currency: str = ""
    decimal: Literal[".", ","] = "."
    minor: bool = False  # the amount is in cents already
    required: bool = False
    personal: Literal["", "email", "phone"] = ""  # a customer_key that says who somebody is: encrypted, only its keyed index is a key


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an interface hands out its pages."""

    by: Literal["page", "cursor", "link", "none"] = "none"
    parameter: str = "page"  # the query's parameter that carries the page's number or the cursor
    first: int = 1
    size_parameter: str = ""
    size: int = 200
    next: str = ""  # where the answer holds the next cursor or link, with dots; a link may also be in the header Link


class Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JSON interface to read from."""

    url: str
    records: str = ""  # where the answer holds the list, with dots; empty: the answer is the list
    token_env: str = ""  # the environment variable with the bearer token
    parameters: dict[str, str] = {}
    paging: Paging = Paging()
    since_parameter: str = ""  # carries the cursor of the last run
    since_field: str = ""  # of a record; the largest one is the next run's cursor
    most_pages: int = 10_000


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of one system."""

    name: str
    kind: str
    columns: dict[str, Column]
    files: tuple[str, ...] = ()  # patterns of names, relative to the mapping
    format: Literal["", "csv", "excel", "jsonl", "parquet", "http"] = ""  # by the file's ending where it is left out
    encoding: str = ""
    separator: str = ""  # "blanks": columns stand apart by any number of them
    header: bool = True
    names: tuple[str, ...] = ()  # of the columns, where there is no header
    sheet: str = ""
    http: Http | None = None
    time_zone: str = ""
    currency: str = ""
    region: str = ""
    missing: tuple[str, ...] = ()  # texts that mean nothing was said, beside the usual ones
    known: Literal["when_it_happened", "when_it_arrived"] = "when_it_happened"

    def field(self, column: Column) -> Field:
        return KINDS[self.kind][column.meaning]

    def column_of(self, meaning: str) -> str | None:
        """Return the name of the column with this meaning."""
        return next((name for name, column in self.columns.items() if column.meaning == meaning), None)

    def checksum(self) -> str:
        """Return the SHA-256 of what this source says, so that a changed mapping reads a file anew."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All sources of a company."""

    sources: tuple[Source, ...]
    version: Literal[1, "1"] = 1
    time_zone: str = ""
    currency: str = ""
    region: str = ""


def load_mapping(path: Path, *, time_zone: str = "Asia/Shanghai") -> Mapping:
    """Read and check a mapping; `time_zone` is the company's, for times that say none. Raises InputError with the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"the mapping {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the mapping {path} is not UTF-8; save it as UTF-8") from error
    return parse_mapping(text, name=path.name, time_zone=time_zone)


def parse_mapping(text: str, *, name: str, time_zone: str = "Asia/Shanghai") -> Mapping:
    """Return the mapping with every default filled in from the mapping as a whole."""
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(f"{name}{f', line {mark.line + 1}' if mark else ''}: not YAML: {getattr(error, 'problem', error)}") from error
    return _Reader(name, time_zone).mapping(root)


class _Reader:
    """Turns nodes of YAML into structs; knows the line of each."""

    def __init__(self, name: str, time_zone: str) -> None:
        self.name = name
        self.time_zone = time_zone

    def wrong(self, node: yaml.Node | None, message: str) -> InputError:
        line = node.start_mark.line + 1 if node is not None else 1
        return InputError(f"{self.name}, line {line}: {message}")

    def mapping(self, root: yaml.Node | None) -> Mapping:
        if not isinstance(root, yaml.MappingNode):
            raise self.wrong(root, "a mapping begins with version: 1 and sources:")
        whole = self.parts(root)
        listed = whole.pop("sources", None)
        if not isinstance(listed, yaml.SequenceNode) or not listed.value:
            raise self.wrong(listed or root, "sources is missing; it is a list with at least one source")
        top = self.struct(root, {**{key: _plain(node) for key, node in whole.items()}, "sources": ()}, Mapping)
        defaults = {"time_zone": top.time_zone or self.time_zone, "currency": top.currency or "CNY", "region": top.region or "CN"}
        sources = tuple(self.source(node, defaults) for node in listed.value)
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise self.wrong(listed, f"two sources are named {next(one for one in names if names.count(one) > 1)!r}; names are unique")
        return msgspec.structs.replace(top, sources=sources, **defaults)

    def source(self, node: yaml.Node, defaults: dict[str, str]) -> Source:
        parts = self.parts(node)
        columns = parts.pop("columns", None)
        if not isinstance(columns, yaml.MappingNode) or not columns.value:
            raise self.wrong(columns or node, "columns is missing; it says of each column what it is")
        values = {key: _plain(value) for key, value in parts.items()}
        if isinstance(values.get("files"), str):
            values["files"] = [values["files"]]
        source = self.struct(node, {**defaults, **values, "columns": {}}, Source)
        if source.kind not in KINDS:
            raise self.wrong(parts.get("kind", node), f"kind is {source.kind!r}; allowed are {', '.join(KINDS)}")
        if not 1 <= len(source.name) <= LONGEST_NAME or source.name in RESERVED:
            taken = ", ".join(sorted(RESERVED))
            raise self.wrong(
                node, f"name is {source.name[:80]!r}; allowed are 1 to {LONGEST_NAME} characters, but not {taken}, which are our own"
            )
        filled = {_plain(key): self.column(key, value, source) for key, value in columns.value}
        source = msgspec.structs.replace(source, columns=filled)
        self.check_source(node, source)
        return source

    def column(self, key: yaml.Node, node: yaml.Node, source: Source) -> Column:
        values = {"is": _plain(node)} if isinstance(node, yaml.ScalarNode) else _plain(node)
        if not isinstance(values, dict):
            raise self.wrong(node, f"column {_plain(key)!r} is a list; write what it is, or is: and how it is read")
        if isinstance(values.get("formats"), str):
            values["formats"] = [values["formats"]]
        column = self.struct(node, values, Column)
        fields = KINDS[source.kind]
        if column.meaning not in fields:
            raise self.wrong(node, f"column {_plain(key)!r} is {column.meaning!r}; columns of {source.kind} may be {', '.join(fields)}")
        field = fields[column.meaning]
        column = msgspec.structs.replace(
            column,
            of=column.of or (source.name if column.meaning == "customer_key" else ""),
            name=column.name or (_plain(key) if column.meaning == "trait" else ""),
            time_zone=column.time_zone or source.time_zone,
            region=column.region or source.region,
            currency=column.currency or source.currency,
        )
        self.check_column(node, column, field, source)
        return column

    def check_column(self, node: yaml.Node, column: Column, field: Field, source: Source) -> None:
        labels = allowed_labels(source, field)
        for label in (column.values or {}).values():
            if labels and label and label not in labels:
                raise self.wrong(node, f"values leads to {label!r}; allowed are {', '.join(sorted(labels))}")
        if column.time_zone not in available_timezones():
            raise self.wrong(node, f"time_zone is {column.time_zone!r}; it must be an IANA name such as Asia/Shanghai")
        if column.region not in phonenumbers.SUPPORTED_REGIONS:
            raise self.wrong(node, f"region is {column.region!r}; it must be a country's two letters such as CN")
        if len(column.currency) != 3 or not column.currency.isascii() or not column.currency.isupper():
            raise self.wrong(node, f"currency is {column.currency!r}; it must be a code of ISO 4217 such as CNY")
        if column.formats and field.type not in {Type.TIME, Type.DATE}:
            raise self.wrong(node, f"formats is for times and dates; {column.meaning} is a {field.type}")
        if len(column.name) > 64:
            raise self.wrong(node, f"the trait's name has {len(column.name)} characters; allowed are 1 to 64: give a shorter name:")

    def check_source(self, node: yaml.Node, source: Source) -> None:
        meanings = [column.meaning for column in source.columns.values()]
        repeated = {one for one in meanings if meanings.count(one) > 1 and one != "trait"}
        if repeated:
            raise self.wrong(node, f"two columns of {source.name!r} are {', '.join(sorted(repeated))}; one is allowed")
        if sum(meaning in WHO for meaning in meanings) != 1:
            raise self.wrong(node, f"exactly one column of {source.name!r} must say who the customer is: {' or '.join(WHO)}")
        needed = [name for name, field in KINDS[source.kind].items() if field.required and name not in WHO]
        absent = [name for name in needed if name not in meanings]
        if absent:
            raise self.wrong(node, f"{source.name!r} has no column that is {', '.join(absent)}; {source.kind} need it")
        if source.kind == "order_lines" and not {"line", "sku"} & set(meanings):
            raise self.wrong(node, f"{source.name!r} has neither line nor sku; without one of them two lines of an order look alike")
        if (source.format == "http") != (source.http is not None):
            raise self.wrong(node, f"{source.name!r}: format: http and http: belong together")
        if not source.header and not source.names:
            raise self.wrong(node, f"{source.name!r} has header: false and no names:; list the columns' names")

    def parts(self, node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(node, "expected name: value lines here")
        return {str(_plain(key)): value for key, value in node.value}

    def struct(self, node: yaml.Node, values: dict[str, Any], kind: type[T]) -> T:
        try:
            return msgspec.convert(values, kind, strict=False)
        except msgspec.ValidationError as error:
            allowed = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))  # type: ignore[arg-type]
            raise self.wrong(node, f"{error}; allowed here: {allowed}") from error


def allowed_labels(source: Source, field: Field) -> frozenset[str]:
    """Return the labels of a closed field; those of `event` are the kinds of events."""
    return frozenset(Kind) if source.kind == "events" and field.type is Type.LABEL else field.labels


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(_plain(key)): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return node.value
