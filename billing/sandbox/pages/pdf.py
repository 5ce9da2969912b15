"""A small PDF of text rows, written by hand: three of the fonts that each reader has, and no dependency
(ISO 32000-1, https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf)."""

import textwrap
from dataclasses import dataclass

_PAGE = (595, 842)  # A4 in points
_LEFT, _RIGHT, _TOP, _STEP = 56, 539, 780, 16
_ROWS, _WIDEST = 44, 72  # rows on a page, characters in a row beside an amount
_FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold", "F3": "Courier"}
_EACH = 6  # points that a letter of the 10-point Courier takes


@dataclass(frozen=True)
class Row:
    text: str = ""
    amount: str = ""  # at the right edge
    size: int = 10
    bold: bool = False


def written(rows: list[Row]) -> bytes:
    """The file. What its letters can't show becomes a question mark."""
    wrapped = [part for row in rows for part in _wrapped(row)]
    pages = [wrapped[start : start + _ROWS] for start in range(0, len(wrapped), _ROWS)] or [[]]
    fonts = " ".join(f"/{name} {3 + number} 0 R" for number, name in enumerate(_FONTS))
    first = 3 + len(_FONTS)
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode()]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>".encode()
        for font in _FONTS.values()
    ]
    for number, page in enumerate(pages):
        objects += _page(page, fonts, first + 2 * number + 1)
    return _file(objects)


def _page(rows: list[Row], fonts: str, content: int) -> list[bytes]:
    width, height = _PAGE
    drawn = b"\n".join(_drawn(row, _TOP - number * _STEP) for number, row in enumerate(rows))
    box = f"/MediaBox [0 0 {width} {height}] /Resources << /Font << {fonts} >> >>"
    return [
        f"<< /Type /Page /Parent 2 0 R {box} /Contents {content} 0 R >>".encode(),
        f"<< /Length {len(drawn)} >>\nstream\n".encode() + drawn + b"\nendstream",
    ]


def _drawn(row: Row, y: int) -> bytes:
    font = "F2" if row.bold else "F1"
    found = [_text(row.text, font, row.size, _LEFT, y)] if row.text else []
    if row.amount:
        found.append(_text(row.amount, "F3", 10, _RIGHT - _EACH * len(row.amount), y))
    return b"\n".join(found)


def _text(text: str, font: str, size: int, x: int, y: int) -> bytes:
    escaped = text.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return f"BT /{font} {size} Tf {x} {y} Td (".encode() + escaped + b") Tj ET"


def _wrapped(row: Row) -> list[Row]:
    parts = textwrap.wrap(row.text, _WIDEST) or [""]
    last = len(parts) - 1
    return [Row(part, row.amount if at == last else "", row.size, row.bold) for at, part in enumerate(parts)]


def _file(objects: list[bytes]) -> bytes:
    """With the table of where each object begins."""
    made = b"%PDF-1.4\n"
    starts = []
    for number, body in enumerate(objects, 1):
        starts.append(len(made))
        made += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    count = len(objects) + 1
    end = f"xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\n"
    return made + f"{end}startxref\n{len(made)}\n%%EOF\n".encode()
