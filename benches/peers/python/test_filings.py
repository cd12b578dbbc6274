"""That the two programs do the job right, and do the same: `python -m unittest`."""

import tempfile
import unittest
import warnings
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
from bs4 import XMLParsedAsHTMLWarning

import filings
import filings_bs4
import filings_lxml
from filings import Fact, FilingError

FILING = b"""<?xml version="1.0"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:ix="http://www.xbrl.org/2013/inlineXBRL"
  xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:xbrldi="http://xbrl.org/2006/xbrldi"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><body>
<div style="display:none"><ix:header><ix:resources>
  <xbrli:context id="c1"><xbrli:entity><xbrli:identifier scheme="s">1</xbrli:identifier></xbrli:entity>
    <xbrli:period><xbrli:startDate>2023-04-02</xbrli:startDate><xbrli:endDate>2023-07-01</xbrli:endDate></xbrli:period>
  </xbrli:context>
  <xbrli:context id="c2"><xbrli:entity><xbrli:identifier scheme="s">1</xbrli:identifier><xbrli:segment>
    <xbrldi:explicitMember dimension="x:ProductAxis">x:BellMember</xbrldi:explicitMember>
    <xbrldi:typedMember dimension="x:StartAxis"><x:d xmlns:x="x"> 2024-01-01 </x:d></xbrldi:typedMember>
    </xbrli:segment></xbrli:entity><xbrli:period><xbrli:instant>2023-07-01</xbrli:instant></xbrli:period>
  </xbrli:context>
  <xbrli:unit id="usd"><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unit>
  <xbrli:unit id="eps"><xbrli:divide>
    <xbrli:unitNumerator><xbrli:measure>iso4217:USD</xbrli:measure></xbrli:unitNumerator>
    <xbrli:unitDenominator><xbrli:measure>xbrli:shares</xbrli:measure></xbrli:unitDenominator>
  </xbrli:divide></xbrli:unit>
</ix:resources></ix:header></div>
<p><ix:nonNumeric name="x:Note" contextRef="c1" continuedAt="k1">We sold <!-- ugly -->
<ix:nonFraction name="us-gaap:Revenues" contextRef="c1" unitRef="usd" decimals="-6" scale="6"
  format="ixt:num-dot-decimal"><ix:nonFraction name="x:Same" contextRef="c1" unitRef="usd"
  decimals="-6" scale="6" sign="-" format="ixt:num-dot-decimal">1,234.5</ix:nonFraction></ix:nonFraction>
<ix:exclude>Page 7</ix:exclude>bells</ix:nonNumeric></p>
<p><ix:continuation id="k1"> and jars.</ix:continuation></p>
<p><ix:nonFraction name="x:Eps" contextRef="c2" unitRef="eps" decimals="2" scale="0">.07</ix:nonFraction>
<ix:nonFraction name="x:Nil" contextRef="c2" unitRef="usd" xsi:nil="true">-</ix:nonFraction></p>
</body></html>"""


def figure(text: str, **attributes: str) -> float:
    return filings.value_of(Fact(True, "x:Concept", "c1", text, **attributes))


class Figures(unittest.TestCase):
    def test_each_format_of_each_registry_is_read(self):
        for format, text, value in [
            ("ixt:num-dot-decimal", "1,234.5", 1234.5),
            ("ixt:numdotdecimal", "12 345.6", 12345.6),
            ("ixt:num-comma-decimal", "1.234,5", 1234.5),
            ("ixt:numcommadecimal", "1 234,5", 1234.5),
            ("ixt:fixed-zero", "\u2014", 0.0),
            ("ixt:zerodash", "-", 0.0),
            ("ixt-sec:numwordsen", "two", 2.0),
            ("ixt-sec:numwordsen", "None", 0.0),
            ("ixt-sec:numwordsen", "One hundred and twenty-five thousand, six", 125006.0),
            (None, "16.7", 16.7),
        ]:
            with self.subTest(format=format, text=text):
                self.assertEqual(figure(text, format=format), value)

    def test_scale_moves_the_point_before_rounding(self):
        self.assertNotEqual(4.35 * 10**2, 435.0)  # what multiplication makes of it
        self.assertEqual(figure("4.35", scale="2"), 435.0)
        self.assertEqual(figure("58", scale="-2"), 0.58)

    def test_sign_negates_but_zero_stays_plain_zero(self):
        self.assertEqual(figure("5", sign="-"), -5.0)
        self.assertEqual(str(figure("0", sign="-")), "0.0")

    def test_what_is_no_number_is_an_error_that_names_it(self):
        for text, format in [
            ("n/a", None),
            ("nan", None),
            ("1_0", None),
            ("", None),
            ("x", "ixt:num-dot-decimal"),
        ]:
            with self.subTest(text=text), self.assertRaisesRegex(FilingError, "x:Concept"):
                figure(text, format=format)
        with self.assertRaisesRegex(FilingError, "ixt:num-moon-phase"):
            figure("1", format="ixt:num-moon-phase")
        with self.assertRaisesRegex(FilingError, "umpteen"):
            figure("umpteen", format="ixt-sec:numwordsen")


class Finding(unittest.TestCase):
    def test_newest_filing_goes_by_year_and_sequence_not_by_filer(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ["0009999999-99-000009", "0000000001-23-000077", "0000000002-23-000012", "notes"]:
                (Path(folder) / name).mkdir()
                (Path(folder) / name / "primary-document.html").touch()
            self.assertEqual(filings.newest_filing(Path(folder))[0], "0000000001-23-000077")

    def test_a_submission_gives_its_document_of_the_form(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "full-submission.txt"
            path.write_bytes(
                b"<DOCUMENT>\n<TYPE>EX-1\n<TEXT>\nno\n</TEXT>\n</DOCUMENT>\n"
                b"<DOCUMENT>\n<TYPE>10-Q\n<SEQUENCE>1\n<TEXT>\n<XBRL>\n<?xml?>yes\n</XBRL>\n</TEXT>\n</DOCUMENT>\n"
            )
            self.assertEqual(filings.read_document(path, "10-Q"), b"<?xml?>yes\n")
            with self.assertRaisesRegex(FilingError, "10-K"):
                filings.read_document(path, "10-K")

    def test_a_ticker_without_filings_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(FilingError, "no filing"):
            filings.newest_filing(Path(folder) / "10-Q")


class Parsing(unittest.TestCase):
    def setUp(self):
        # The test runner undoes the filter that the program sets when it is imported.
        warnings.filterwarnings("ignore", category=XMLParsedAsHTMLWarning)

    def test_both_parsers_read_nested_continued_nil_and_dimensional_facts(self):
        for program in (filings_lxml, filings_bs4):
            with self.subTest(program=program.__name__):
                document = program.parse(FILING)
                note, revenue, same, eps, nil = document.facts
                self.assertEqual(note.text.split(), "We sold 1,234.5 bells and jars.".split())
                self.assertEqual(filings.value_of(revenue), 1234500000.0)
                self.assertEqual(filings.value_of(same), -1234500000.0)
                self.assertEqual(filings.value_of(eps), 0.07)
                self.assertEqual((nil.text, filings.value_of(nil)), ("", None))
                self.assertEqual(document.units, {"usd": "iso4217:USD", "eps": "iso4217:USD/xbrli:shares"})
                self.assertEqual(
                    document.contexts["c2"].dimensions,
                    {"x:ProductAxis": "x:BellMember", "x:StartAxis": "2024-01-01"},
                )
                self.assertEqual(filings.quarter_revenue(document), 1234500000.0)

    def test_both_parsers_agree_in_everything(self):
        self.assertEqual(filings_lxml.parse(FILING), filings_bs4.parse(FILING))

    def test_a_continuation_that_leads_back_is_an_error(self):
        looped = FILING.replace(b'id="k1"', b'id="k1" continuedAt="k1"')
        for program in (filings_lxml, filings_bs4):
            with (
                self.subTest(program=program.__name__),
                self.assertRaisesRegex(FilingError, "back to itself"),
            ):
                program.parse(looped)

    def test_broken_xml_is_an_error(self):
        with self.assertRaisesRegex(FilingError, "well-formed"):
            filings_lxml.parse(FILING[:-20])

    def test_the_parquet_file_has_the_columns_and_the_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "BELL.parquet"
            filings.save(filings.table_of("BELL", "1", filings_lxml.parse(FILING)), path)
            table = pq.read_table(path)
            self.assertEqual(list(Path(folder).iterdir()), [path])
        self.assertEqual(table.schema.remove_metadata(), filings.SCHEMA)
        rows = table.to_pylist()
        self.assertEqual([row["kind"] for row in rows], ["text"] + ["numeric"] * 4)
        self.assertEqual(rows[1]["period_end"], date(2023, 7, 1))
        self.assertEqual(rows[3]["dimensions"], '{"x:ProductAxis":"x:BellMember","x:StartAxis":"2024-01-01"}')


if __name__ == "__main__":
    unittest.main()
