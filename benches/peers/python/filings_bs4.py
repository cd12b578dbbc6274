"""Inline-XBRL facts of each ticker's newest filing, to Parquet, with BeautifulSoup.

This is the usual way: `BeautifulSoup(html, "lxml")`, an HTML parser, so the names of tags and
attributes come in lower case and prefixes are part of a tag's name.

    python filings_bs4.py DIR OUT [--jobs N]
"""

import sys
import warnings
from collections.abc import Callable, Iterator

from bs4 import BeautifulSoup, NavigableString, Tag, XMLParsedAsHTMLWarning

import filings
from filings import Context, Document, Fact, FilingError, date_of

NON_FRACTION, NON_NUMERIC, EXCLUDE = "ix:nonfraction", "ix:nonnumeric", "ix:exclude"

# Inline XBRL is both XML and HTML; that it is read as HTML here is meant.
warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)


def parse(html: bytes) -> Document:
    """Reads contexts, units and facts. An HTML parser forgives everything, so no syntax errors."""
    # One walk over the document; a `find_all` for each name would walk it again.
    tags = BeautifulSoup(html, "lxml").find_all(True)
    continuations = {tag.get("id"): tag for tag in tags if tag.name == "ix:continuation"}
    has_excludes = any(tag.name == EXCLUDE for tag in tags)
    text_of = text_without_excludes if has_excludes else Tag.get_text

    def shown_text(tag: Tag) -> str:
        return "".join(map(text_of, whole(tag, continuations))).strip()

    return Document(
        contexts={tag.get("id"): context_of(tag) for tag in tags if local_name(tag) == "context"},
        units={tag.get("id"): unit_of(tag) for tag in tags if local_name(tag) == "unit"},
        facts=[fact_of(tag, shown_text) for tag in tags if tag.name in (NON_FRACTION, NON_NUMERIC)],
    )


def local_name(tag: Tag) -> str:
    """`context` of `xbrli:context`, for filers that leave out the prefix or choose another."""
    return tag.name.rpartition(":")[2]


def context_of(tag: Tag) -> Context:
    dimensions, dates = {}, {}
    for part in tag.find_all(True):
        match local_name(part):
            case "explicitmember" | "typedmember":
                # An explicit member is a name, a typed one an element around its value.
                dimensions[part.get("dimension")] = part.get_text().strip()
            case "startdate" | "enddate" | "instant" as name:
                dates[name] = date_of(part.get_text())
    return Context(dates.get("startdate"), dates.get("enddate"), dates.get("instant"), dimensions)


def unit_of(tag: Tag) -> str:
    """`iso4217:USD`; a product is joined by `*`, a ratio by `/`."""
    inner = tag.find_all(True)
    halves = [part for part in inner if local_name(part) in ("unitnumerator", "unitdenominator")]
    return "/".join(
        "*".join(m.get_text().strip() for m in half.find_all(True) if local_name(m) == "measure")
        for half in halves or [tag]
    )


def fact_of(tag: Tag, shown_text: Callable[[Tag], str]) -> Fact:
    get = tag.get
    is_nil = get("xsi:nil") in ("true", "1")
    return Fact(
        is_numeric=tag.name == NON_FRACTION,
        concept=get("name"),
        context=get("contextref"),
        text="" if is_nil else shown_text(tag),
        unit=get("unitref"),
        format=get("format"),
        scale=get("scale"),
        decimals=get("decimals"),
        sign=get("sign"),
        is_nil=is_nil,
    )


def whole(tag: Tag, continuations: dict[str, Tag]) -> Iterator[Tag]:
    """A fact's element and its continuations, which lie elsewhere in the document."""
    seen = set()
    while tag is not None:
        yield tag
        key = tag.get("continuedat")
        if key in seen:
            raise FilingError(f"continuation {key} leads back to itself")
        seen.add(key)
        tag = continuations.get(key)


def text_without_excludes(tag: Tag) -> str:
    """The text of an element without its `ix:exclude` parts (page numbers and the like)."""
    return "".join(included(tag))


def included(tag: Tag) -> Iterator[str]:
    for child in tag.children:
        if isinstance(child, Tag):
            if child.name != EXCLUDE:
                yield from included(child)
        elif type(child) is NavigableString:  # not a comment, which is a subclass
            yield child


if __name__ == "__main__":
    sys.exit(filings.main(parse, "Inline-XBRL facts to Parquet, with BeautifulSoup."))
