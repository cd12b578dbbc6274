"""Inline-XBRL facts of each ticker's newest filing, to Parquet, with lxml.

Inline XBRL must be well-formed XML, so the XML parser is used: it is faster than the HTML one and
keeps namespaces.

    python filings_lxml.py DIR OUT [--jobs N]
"""

import sys
from collections.abc import Callable, Iterator

from lxml import etree

import filings
from filings import Context, Document, Fact, FilingError, date_of

IX = "{http://www.xbrl.org/2013/inlineXBRL}"
XBRLI = "{http://www.xbrl.org/2003/instance}"
XBRLDI = "{http://xbrl.org/2006/xbrldi}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

NON_FRACTION, NON_NUMERIC = IX + "nonFraction", IX + "nonNumeric"
CONTINUATION, EXCLUDE = IX + "continuation", IX + "exclude"

string_of = etree.XPath("string()")


def parse(html: bytes) -> Document:
    """Reads contexts, units and facts; `FilingError` if the XML is not well-formed."""
    # Comments would appear in the text of the facts around them.
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False)
    try:
        root = etree.fromstring(html, parser)
    except etree.XMLSyntaxError as error:
        raise FilingError(f"not well-formed XML: {error}") from error
    continuations = {e.get("id"): e for e in root.iter(CONTINUATION)}
    text_of = string_of if next(root.iter(EXCLUDE), None) is None else string_without_excludes

    def shown_text(element: etree._Element) -> str:
        return "".join(map(text_of, whole(element, continuations))).strip()

    return Document(
        contexts={e.get("id"): context_of(e) for e in root.iter(XBRLI + "context")},
        units={e.get("id"): unit_of(e) for e in root.iter(XBRLI + "unit")},
        facts=[fact_of(e, shown_text) for e in root.iter(NON_FRACTION, NON_NUMERIC)],
    )


def context_of(element: etree._Element) -> Context:
    dimensions = {}
    for member in element.iter(XBRLDI + "explicitMember", XBRLDI + "typedMember"):
        # An explicit member is a name, a typed one an element around its value.
        dimensions[member.get("dimension")] = string_of(member).strip()
    period = element.find(XBRLI + "period")
    if period is None:
        raise FilingError(f"context {element.get('id')} has no period")
    return Context(
        start=date_of(period.findtext(XBRLI + "startDate")),
        end=date_of(period.findtext(XBRLI + "endDate")),
        instant=date_of(period.findtext(XBRLI + "instant")),
        dimensions=dimensions,
    )


def unit_of(element: etree._Element) -> str:
    """`iso4217:USD`; a product is joined by `*`, a ratio by `/`."""
    divide = element.find(XBRLI + "divide")
    parts = [element] if divide is None else divide
    return "/".join("*".join(string_of(m).strip() for m in part.iter(XBRLI + "measure")) for part in parts)


def fact_of(element: etree._Element, shown_text: Callable[[etree._Element], str]) -> Fact:
    get = element.get
    is_nil = get(NIL) in ("true", "1")
    return Fact(
        is_numeric=element.tag == NON_FRACTION,
        concept=get("name"),
        context=get("contextRef"),
        text="" if is_nil else shown_text(element),
        unit=get("unitRef"),
        format=get("format"),
        scale=get("scale"),
        decimals=get("decimals"),
        sign=get("sign"),
        is_nil=is_nil,
    )


def whole(element: etree._Element, continuations: dict[str, etree._Element]) -> Iterator[etree._Element]:
    """A fact's element and its continuations, which lie elsewhere in the document."""
    seen = set()
    while element is not None:
        yield element
        key = element.get("continuedAt")
        if key in seen:
            raise FilingError(f"continuation {key} leads back to itself")
        seen.add(key)
        element = continuations.get(key)


def string_without_excludes(element: etree._Element) -> str:
    """The text of an element without its `ix:exclude` parts (page numbers and the like)."""
    return "".join(included(element))


def included(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag != EXCLUDE:
            yield from included(child)
        yield child.tail or ""


if __name__ == "__main__":
    sys.exit(filings.main(parse, "Inline-XBRL facts to Parquet, with lxml."))
