"""What the two filings programs share: everything but the parsing of HTML.

A parser turns the bytes of one filing into a `Document`: contexts, units and tagged facts, as the
filing writes them. This module does the rest of the job: it finds each ticker's newest filing,
turns shown figures into numbers, and writes one Parquet file per ticker. So a difference in time
between two programs is a difference between their parsers.
"""

import argparse
import functools
import json
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

# The same bound as the Belljar plugin has: a larger file is refused before it is read.
FILING_BYTES_MAX = 64 * 1024 * 1024

SCHEMA = pa.schema(
    [
        ("ticker", pa.string()),
        ("accession", pa.string()),
        ("kind", pa.string()),
        ("concept", pa.string()),
        ("value", pa.float64()),
        ("text", pa.string()),
        ("unit", pa.string()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("instant", pa.date32()),
        ("dimensions", pa.string()),
        ("context", pa.string()),
        ("scale", pa.int32()),
        ("decimals", pa.string()),
    ]
)

REVENUE_CONCEPTS = (
    "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax",
    "us-gaap:Revenues",
    "us-gaap:RevenueFromContractWithCustomerIncludingAssessedTax",
    "us-gaap:SalesRevenueNet",
)
# A fiscal quarter has 13 weeks, now and then 14; `end - start` is one less than its days.
QUARTER_DAYS = range(80, 101)


class FilingError(Exception):
    """A filing that cannot be read, or holds something that breaks the inline-XBRL rules."""


class Context(NamedTuple):
    """When and about what a fact is: a duration or an instant, and its axes with their members."""

    start: date | None
    end: date | None
    instant: date | None
    dimensions: dict[str, str]


class Fact(NamedTuple):
    """One tagged fact as the filing writes it, nothing computed yet."""

    is_numeric: bool
    concept: str
    context: str
    text: str
    unit: str | None = None
    format: str | None = None
    scale: str | None = None
    decimals: str | None = None
    sign: str | None = None
    is_nil: bool = False


@dataclass(slots=True)
class Document:
    """What a parser returns; `facts` are in document order, nested ones after the outer one."""

    contexts: dict[str, Context]
    units: dict[str, str]
    facts: list[Fact]


Parser = Callable[[bytes], Document]


# --- finding the filing ------------------------------------------------------------------------


def newest_filing(form_dir: Path) -> tuple[str, Path]:
    """The accession number and the document of the newest filing below `form_dir`."""
    accessions = [d.name for d in form_dir.iterdir()] if form_dir.is_dir() else []
    dated = [(order, name) for name in accessions if (order := filing_order(name))]
    if not dated:
        raise FilingError(f"{form_dir} holds no filing")
    accession = max(dated)[1]
    for name in ("primary-document.html", "full-submission.txt"):
        path = form_dir / accession / name
        if path.is_file():
            return accession, path
    raise FilingError(f"{form_dir / accession} holds no document")


def filing_order(accession: str) -> tuple[int, int] | None:
    """Year and sequence of `FILER-YY-SEQ`; None for a folder that is not an accession.

    EDGAR began in 1994, so two digits name a year of 1994 to 2093.
    """
    match = re.fullmatch(r"\d{10}-(\d{2})-(\d{6})", accession)
    if not match:
        return None
    year, sequence = map(int, match.groups())
    return (1900 if year >= 94 else 2000) + year, sequence


def read_document(path: Path, form: str) -> bytes:
    """The HTML of a filing; of a full submission, its first document of type `form`."""
    if (size := path.stat().st_size) > FILING_BYTES_MAX:
        raise FilingError(f"{path} has {size} bytes, more than {FILING_BYTES_MAX}")
    content = path.read_bytes()
    if path.suffix != ".txt":
        return content
    pattern = rb"<TYPE>%s\s.*?<TEXT>\s*(?:<XBRL>\s*)?(.*?)(?:</XBRL>\s*)?</TEXT>" % re.escape(form).encode()
    match = re.search(pattern, content, re.DOTALL)
    if not match:
        raise FilingError(f"{path} holds no document of type {form}")
    return match[1]


# --- figures -----------------------------------------------------------------------------------

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL_WORDS = {word: n for n, word in enumerate(_UNITS.split())}
SMALL_WORDS |= {word: 10 * n for n, word in enumerate(_TENS.split(), start=2)}
SMALL_WORDS |= {"no": 0, "none": 0}
LARGE_WORDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

NOT_DOT_DECIMAL = re.compile(r"[^0-9.]+")
NOT_COMMA_DECIMAL = re.compile(r"[^0-9,]+")
PLAIN_DECIMAL = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")


def number_from_words(text: str) -> str:
    """The digits of an English number in words, `one hundred and five` -> `105`."""
    total = group = 0
    words = [word for word in re.split(r"[\s,-]+", text.lower()) if word and word != "and"]
    for word in words:
        if word in SMALL_WORDS:
            group += SMALL_WORDS[word]
        elif word == "hundred":
            group = max(group, 1) * 100
        elif word in LARGE_WORDS:
            total += max(group, 1) * LARGE_WORDS[word]
            group = 0
        else:
            raise FilingError(f"{text!r} is not a number in words")
    if not words:
        raise FilingError("an empty text is not a number in words")
    return str(total + group)


@functools.cache
def decimal_of(format: str | None) -> Callable[[str], str]:
    """How a transformation format (`ixt:num-dot-decimal`, `ixt:numdotdecimal`) reads a figure.

    The registries of different years spell one format with and without hyphens, and under
    different prefixes; the local name without hyphens is the same in all.
    """
    if format is None:
        return str
    name = format.rpartition(":")[2].replace("-", "").lower()
    if name.startswith("numdotdecimal"):
        return lambda text: NOT_DOT_DECIMAL.sub("", text)
    if name.startswith("numcommadecimal"):
        return lambda text: NOT_COMMA_DECIMAL.sub("", text).replace(",", ".")
    if name in ("fixedzero", "zerodash", "numdash", "nocontent"):
        return lambda text: "0"
    if name == "numwordsen":
        return number_from_words
    raise FilingError(f"the number format {format} is not known")


def value_of(fact: Fact) -> float | None:
    """The number a numeric fact states: format, scale and sign applied; None for nil.

    Scale goes into the exponent of the text, so the result is the double nearest to the exact
    decimal; multiplying by a power of ten would round twice.
    """
    if fact.is_nil:
        return None
    digits = decimal_of(fact.format)(fact.text)
    if not PLAIN_DECIMAL.fullmatch(digits):
        raise FilingError(f"{fact.concept}: {fact.text!r} is not a number of format {fact.format}")
    value = float(f"{fact.sign or ''}{digits}e{fact.scale or 0}")
    return value or 0.0  # zero with a minus sign is zero


def date_of(text: str | None) -> date | None:
    """The day of an XBRL date or dateTime; None for a missing one."""
    return date.fromisoformat(text.strip()[:10]) if text else None


# --- rows --------------------------------------------------------------------------------------


def table_of(ticker: str, accession: str, document: Document) -> pa.Table:
    """One row per fact, in document order, in the columns of `SCHEMA`.

    A reference to a context or unit that the filing does not define leaves its columns null.
    """
    nowhere = Context(None, None, None, {})
    to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    dimensions = {
        key: to_json(context.dimensions) if context.dimensions else None
        for key, context in document.contexts.items()
    }
    rows = []
    for fact in document.facts:
        context = document.contexts.get(fact.context, nowhere)
        rows.append(
            (
                ticker,
                accession,
                "numeric" if fact.is_numeric else "text",
                fact.concept,
                value_of(fact) if fact.is_numeric else None,
                fact.text,
                document.units.get(fact.unit),
                context.start,
                context.end,
                context.instant,
                dimensions.get(fact.context),
                fact.context,
                int(fact.scale) if fact.scale else None,
                fact.decimals,
            )
        )
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def save(table: pa.Table, path: Path) -> None:
    """Writes the whole file under another name first, so `path` is never half a file."""
    partial = path.with_suffix(".partial")
    pq.write_table(table, partial)
    partial.replace(path)


def quarter_revenue(document: Document) -> float | None:
    """The company's revenue in its newest quarter, by the first concept that has one."""
    for concept in REVENUE_CONCEPTS:
        quarters = [
            (context.end, value_of(fact))
            for fact in document.facts
            if fact.concept == concept
            and not fact.is_nil
            and (context := document.contexts.get(fact.context))
            and context.start
            and context.end
            and not context.dimensions
            and (context.end - context.start).days in QUARTER_DAYS
        ]
        if quarters:
            return max(quarters)[1]
    return None


# --- the program -------------------------------------------------------------------------------


def process(parse: Parser, form: str, out: Path, ticker_dir: Path) -> str:
    """Does one ticker and returns the line to print; raises `FilingError` naming the file."""
    ticker = ticker_dir.name
    accession, path = newest_filing(ticker_dir / form)
    try:
        document = parse(read_document(path, form))
        if not document.facts:
            raise FilingError("no inline-XBRL facts")
        save(table_of(ticker, accession, document), out / f"{ticker}.parquet")
        revenue = quarter_revenue(document)
    except (FilingError, OSError, ValueError) as error:
        raise FilingError(f"{path}: {error}") from error
    numeric = sum(fact.is_numeric for fact in document.facts)
    shown = "-" if revenue is None else f"{revenue:.0f}"
    return f"{ticker:10} {accession} numeric={numeric} text={len(document.facts) - numeric} revenue={shown}"


def report(outcomes: Iterable[Callable[[], str]]) -> int:
    """Prints each outcome as it comes; the exit code is 1 if any ticker failed."""
    failures = 0
    for outcome in outcomes:
        try:
            print(outcome())
        except FilingError as error:
            failures += 1
            print(f"error: {error}", file=sys.stderr)
    return 1 if failures else 0


def main(parse: Parser, description: str) -> int:
    """The command line of both programs."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("dir", type=Path, help="a folder with one folder per ticker")
    arguments.add_argument("out", type=Path, help="where TICKER.parquet files go")
    arguments.add_argument("--form", default="10-Q", help="default: %(default)s")
    arguments.add_argument("--jobs", type=int, default=1, help="processes; default: %(default)s")
    options = arguments.parse_args()

    if not options.dir.is_dir():
        arguments.error(f"{options.dir} is not a folder")
    options.out.mkdir(parents=True, exist_ok=True)
    work = functools.partial(process, parse, options.form, options.out)
    tickers = sorted(d for d in options.dir.iterdir() if d.is_dir())

    if options.jobs <= 1:
        return report(functools.partial(work, ticker) for ticker in tickers)
    with ProcessPoolExecutor(options.jobs) as pool:
        return report(future.result for future in [pool.submit(work, ticker) for ticker in tickers])
