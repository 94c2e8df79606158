"""Tables that directives write in other ways: ``list-table`` and ``csv-table``, as docutils' table nodes."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from docutils import nodes


def table_node(rows: Sequence[Sequence[Sequence[nodes.Node]]], header_rows: int) -> nodes.table:
    """Rows of cells, each a list of nodes, as a table."""
    head, body, group = nodes.thead(), nodes.tbody(), nodes.tgroup(cols=0)
    for number, cells in enumerate(rows):
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", *cell)
        (head if number < header_rows else body).append(row)
    group += [part for part in (head, body) if part.children]
    return nodes.table("", group)


def columns(rows: Sequence[nodes.Node]) -> list[list[tuple[range, nodes.entry]]]:
    """Each row's cells with the columns that they take: a cell may reach over several, and over rows."""
    found: list[list[tuple[range, nodes.entry]]] = []
    reach: dict[int, int] = {}  # column → how many rows a cell above still reaches over
    for row in rows:
        below = {at: left - 1 for at, left in reach.items() if left > 1}
        cells, at = list[tuple[range, nodes.entry]](), 0
        for cell in (child for child in row.children if isinstance(child, nodes.entry)):
            while reach.get(at):
                at += 1
            place = range(at, at + cell.get("morecols", 0) + 1)
            below |= dict.fromkeys(place, cell.get("morerows", 0))
            cells.append((place, cell))
            at = place.stop
        found.append(cells)
        reach = below
    return found


def list_rows(content: nodes.Element) -> list[list[list[nodes.Node]]]:
    """The rows of a list-table, from its parsed content; empty when that is no list of lists."""
    lists = [node for node in content.children if isinstance(node, nodes.bullet_list)]
    if len(lists) != 1 or len(content.children) != 1:
        return []
    rows = []
    for item in lists[0].children:
        if len(item.children) != 1 or not isinstance(item.children[0], nodes.bullet_list):
            return []
        rows.append([list(cell.children) for cell in item.children[0].children])
    return rows


def header_rows(options: Mapping[str, str]) -> int:
    """How many rows are the header, by the option of that name."""
    given = options.get("header-rows", "")
    return int(given) if given.isdigit() and len(given) < 5 else 0


def csv_rows(lines: Sequence[str], options: dict[str, str]) -> list[list[str]]:
    """Rows of cells of a csv-table, its ``:header:`` first."""
    delimiter = {"tab": "\t", "space": " "}.get(options.get("delim", ""), options.get("delim", "") or ",")
    quote = options.get("quote", "") or '"'
    how = {"delimiter": delimiter[:1], "quotechar": quote[:1], "skipinitialspace": True}
    header = [options["header"]] if options.get("header") else []
    try:
        ended = (f"{line}\n" for line in lines)
        rows = [*csv.reader(header, **how), *csv.reader(ended, **how)]  # type: ignore[arg-type]
    except (csv.Error, TypeError):
        return [[line] for line in [*header, *lines]]
    return [row for row in rows if any(cell.strip() for cell in row)]
