"""One table written in every format, as the libraries of each write it."""

import csv
import io
import json
import zipfile
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def delimited(header, rows, separator=",", **how):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator="\n", **how)
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue()


def records(header, rows):
    return [dict(zip(header, row, strict=True)) for row in rows]


def write(path, header, rows):
    """Write rows to a file of the format that its name tells; cells are texts."""
    suffix = path.suffix
    if suffix in (".csv", ".tsv"):
        path.write_text(delimited(header, rows, "," if suffix == ".csv" else "\t"), "utf-8")
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(x) + "\n" for x in records(header, rows)), "utf-8")
    elif suffix == ".json":
        path.write_text(json.dumps(records(header, rows)), "utf-8")
    elif suffix == ".parquet":
        columns = zip(*rows, strict=True)
        pq.write_table(pa.table(dict(zip(header, map(list, columns), strict=True))), path)
    else:
        spreadsheet(path, {"Sheet1": [header, *rows]})
    return path


def spreadsheet(path, sheets):
    """Write an .xlsx file of sheets by name; a cell is a text, a number or None."""
    with zipfile.ZipFile(path, "w") as file:
        parts = range(1, len(sheets) + 1)
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
            f'ContentType="{_KIND}.worksheet+xml"/>'
            for n in parts
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName='
            f'"/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{overrides}</Types>',
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        named = "".join(
            f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
            for n, name in zip(parts, sheets, strict=True)
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{named}</sheets></workbook>',
        )
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" '
            f'Target="worksheets/sheet{n}.xml"/>'
            for n in parts
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}">{links}</Relationships>',
        )
        for n, rows in zip(parts, sheets.values(), strict=True):
            lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{_SHEET}"><sheetData>{lines}</sheetData></worksheet>',
            )


def _cell(value):
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        text = escape(value)
        return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    return f"<c><v>{value}</v></c>"
