"""docutils' nodes to sections of blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from docutils import nodes

from curation.documents.markup.blocks import Block, Outline, dedent, one_line
from curation.documents.markup.lead import Lead, Writer
from curation.documents.markup.page import Page, Passage
from curation.documents.markup.rst.fields import shown_fields
from curation.documents.markup.rst.inline import InlineText
from curation.documents.markup.rst.nodes import Code, Labelled, Signature
from curation.documents.markup.rst.parsing import rst_inline_to_text
from curation.documents.markup.rst.tables import columns

_GAP = re.compile(r"\s*\|\s*|\s{2,}")
_SILENT = (nodes.comment, nodes.substitution_definition, nodes.pending, nodes.transition, nodes.title)


class Walker(Writer):
    """Walks the nodes of one document and collects what a reader sees."""

    def __init__(
        self, document: nodes.document, page: Page, outline: Outline | None = None, shift: int = 0
    ) -> None:
        super().__init__(outline or Outline(), shift + 1)
        self._page = page
        self._source = document["source"]
        self._inline = InlineText(document)
        self._shift = shift
        self._level = 0
        self._readers: dict[type[nodes.Node], Callable[[nodes.Element, Lead], None]] = {
            nodes.paragraph: self._paragraph,
            nodes.literal_block: self._literal,
            nodes.doctest_block: self._literal,
            Code: self._code,
            nodes.section: self._section,
            nodes.bullet_list: self._bullets,
            nodes.enumerated_list: self._numbers,
            nodes.definition_list: self._definitions,
            nodes.field_list: self._fields,
            nodes.option_list: self._options,
            nodes.line_block: self._line_block,
            nodes.table: self._table,
            nodes.footnote: self._footnote,
            nodes.citation: self._footnote,
            nodes.attribution: self._attribution,
            nodes.image: self._image,
            nodes.raw: self._raw,
            nodes.system_message: self._message,
            nodes.target: self._target,
            Labelled: self._labelled,
            Signature: self._signature,
        }

    def read(self, document: nodes.document) -> None:
        self._children(document.children, Lead())

    def _children(self, children: Iterable[nodes.Node], lead: Lead) -> None:
        for child in children:
            self._node(child, lead)

    def _node(self, node: nodes.Node, lead: Lead) -> None:
        if node.line and node.source in {None, self._source}:
            self.line = max(node.line, 1) + self._shift
        if isinstance(node, _SILENT):
            return
        reader = self._readers.get(type(node))
        if reader:
            reader(node, lead)  # type: ignore[arg-type]
        elif isinstance(node, (nodes.Inline, nodes.Text)):
            self.add("prose", self._inline([node]), lead)
        else:
            self._children(node.children, lead)

    # Leaves

    def _paragraph(self, node: nodes.Element, lead: Lead) -> None:
        text = node.astext() if node.get("lines") else self._inline(node.children)
        self.add("prose", text, lead)

    def _literal(self, node: nodes.Element, lead: Lead) -> None:
        language = "pycon" if isinstance(node, nodes.doctest_block) else ""
        self._verbatim(node.astext(), language, lead)

    def _code(self, node: nodes.Element, lead: Lead) -> None:
        self._verbatim(node["code"], node["language"], lead)

    def _verbatim(self, text: str, language: str, lead: Lead) -> None:
        self.flush(lead)
        self.outline.add(Block("code", "\n".join(dedent(text.split("\n"))), self.line, language=language))

    def _line_block(self, node: nodes.Element, lead: Lead) -> None:
        self.add("prose", "\n".join(filter(None, self._lines(node))), lead)

    def _lines(self, node: nodes.Element) -> Iterable[str]:
        for child in node.children:
            if isinstance(child, nodes.line_block):
                yield from self._lines(child)
            else:
                yield self._inline(child.children)

    def _attribution(self, node: nodes.Element, lead: Lead) -> None:
        self.add("prose", f"— {self._inline(node.children)}", lead)

    def _image(self, node: nodes.Element, lead: Lead) -> None:
        self.add("prose", one_line(node.get("alt", "")), lead)

    def _target(self, node: nodes.Element, lead: Lead) -> None:
        if not {"refuri", "refid", "refname"} & node.attributes.keys():
            for name in node["ids"][:1]:
                self.outline.label(name)

    def _raw(self, node: nodes.Element, lead: Lead) -> None:
        if node.get("format") == "markdown":
            self.flush(lead)
            passage = Passage("markdown", node.astext(), node["chain"], self.line)
            self._page.embed(passage, self._page, self.outline)

    def _message(self, node: nodes.Element, lead: Lead) -> None:
        """What docutils could not read is in its message, as it stands in the file."""
        for child in node.children:
            if isinstance(child, nodes.literal_block) and "ubstitution definition" not in node.astext():
                lines = [line for line in child.astext().split("\n") if line.strip(" =-~^\"'*+#`.:|_\t")]
                if "title" in node.children[0].astext() and len(lines) == 1:
                    self.outline.heading(self._level + 1, lines[0], self.line)
                elif "table" in node.children[0].astext():
                    rows = [
                        " | ".join(map(rst_inline_to_text, _GAP.split(line.strip("| ")))) for line in lines
                    ]
                    self.add("table", "\n".join(rows), lead)
                else:
                    self.add("prose", "\n".join(line.strip() for line in lines), lead)

    # Containers

    def _section(self, node: nodes.Element, lead: Lead) -> None:
        self._level += 1
        title = node.children[0] if node.children else None
        if isinstance(title, nodes.title):
            words = self._inline(title.children)
            self.line -= node.source in {None, self._source} and self.line > 1  # docutils: its underline
            self.outline.heading(self._level, words, self.line, id="".join(node["ids"][:1]))
        self._children(node.children, Lead())
        self._level -= 1

    def _items(self, node: nodes.Element, markers: Iterable[str], lead: Lead) -> None:
        close = lead.waits
        for number, (item, marker) in enumerate(zip(node.children, markers, strict=False)):
            own = lead.item(marker, close or number > 0)
            for position, child in enumerate(item.children):
                own.tight = own.tight or (
                    position > 0 and isinstance(child, (nodes.bullet_list, nodes.enumerated_list))
                )
                self._node(child, own)
            self.flush(own)

    def _bullets(self, node: nodes.Element, lead: Lead) -> None:
        self._items(node, ["- "] * len(node.children), self.above_list(lead))

    def _numbers(self, node: nodes.Element, lead: Lead) -> None:
        start, kind = int(node.get("start", 1)), node.get("enumtype", "arabic")
        ordinals = [_ordinal(start + number, kind) for number in range(len(node.children))]
        markers = [f"{node.get('prefix', '')}{one}{node.get('suffix', '.')} " for one in ordinals]
        self._items(node, markers, self.above_list(lead))

    def _definitions(self, node: nodes.Element, lead: Lead) -> None:
        for item in node.children:
            words = [
                self._inline(part.children)
                for part in item.children
                if isinstance(part, (nodes.term, nodes.classifier))
            ]
            self.add("prose", " : ".join(words), lead)
            for part in item.children:
                if isinstance(part, nodes.definition):
                    lead.tight = True
                    self._children(part.children, lead)

    def _fields(self, node: nodes.Element, lead: Lead) -> None:
        fields = [field for field in node.children if isinstance(field, nodes.field)]
        names = [self._inline(field.children[0].children) for field in fields]
        for number, shown in enumerate(shown_fields(names, lambda at: self._cell(fields[at].children[-1]))):
            field = fields[shown.place]
            if isinstance(node.parent, nodes.document) and not field.children[-1].children:
                continue  # :orphan: and its like say nothing to a reader
            if shown.above:
                self.add("prose", shown.above, lead)
                lead.tight = True
            outer, tight = lead.take()
            own = Lead(f"{outer}{shown.label}: ", lead.rest, tight or number > 0)
            self._children(field.children[-1].children, own)
            self.flush(own)

    def _options(self, node: nodes.Element, lead: Lead) -> None:
        for number, item in enumerate(node.children):
            group, description = item.children
            names = ", ".join(f"`{option.astext()}`" for option in group.children)
            outer, tight = lead.take()
            own = Lead(f"{outer}{names}: ", lead.rest, tight or number > 0)
            self._children(description.children, own)
            self.flush(own)

    def _footnote(self, node: nodes.Element, lead: Lead) -> None:
        labels = [child for child in node.children[:1] if isinstance(child, nodes.label)]
        name = labels[0].astext() if labels else "".join(node["names"][:1])
        outer, tight = lead.take()
        own = Lead(f"{outer}[{name}] " if name else outer, lead.rest, tight)
        self._children(node.children[len(labels) :], own)

    def _labelled(self, node: nodes.Element, lead: Lead) -> None:
        label = self._inline([node["label"]]) if node["label"] is not None else ""
        outer, tight = lead.take() if label else ("", False)
        own = Lead(f"{outer}{label} ", lead.rest, tight) if label else lead
        own.tight = own.tight or bool(node.get("tight"))
        if not node.children and label:
            own.first = outer + label.rstrip(":")
        self._children(node.children, own)
        if label:
            self.flush(own)

    def _signature(self, node: nodes.Element, lead: Lead) -> None:
        self.add("directive", "\n".join(self._inline([line]) for line in node.children), lead)

    # Tables

    def _table(self, node: nodes.Element, lead: Lead) -> None:
        self.flush(lead)
        titles = [child for child in node.children if isinstance(child, nodes.title)]
        for title in titles:
            self.add("prose", self._inline(title.children), lead)
        heads = [row for part in node.findall(nodes.thead) for row in part.children]
        head = [self._row(row) for row in heads]
        bodies = [row for part in node.findall(nodes.tbody) for row in part.children]
        if any(node.findall(_is_code)):
            names: dict[int, str] = {}
            for cells, texts in zip(columns(heads), head, strict=True):
                names |= {at: text for (place, _), text in zip(cells, texts, strict=True) for at in place}
            self._cells(bodies, names, lead)
            return
        line = self.line
        header = [row for row in (" | ".join(cells).strip() for cells in head) if row.strip(" |")]
        rows = [row for row in (" | ".join(self._row(row)).strip() for row in bodies) if row.strip(" |")]
        self.outline.add(Block("table", "\n".join([*header, *rows]), line, head="\n".join(header)))

    def _row(self, row: nodes.Node) -> list[str]:
        return [self._cell(cell) for cell in row.children]

    def _cell(self, cell: nodes.Node) -> str:
        return self.in_cell(lambda: self._children(cell.children, Lead()))

    def _cells(self, rows: Sequence[nodes.Node], names: Mapping[int, str], lead: Lead) -> None:
        """A table with code in its cells: each cell by itself, behind the name of its column."""
        for cells in columns(rows):
            for place, cell in cells:
                name = names.get(place[0], "")
                own = Lead(f"{name.rstrip(':')}: " if name else "", lead.rest)
                self._children(cell.children, own)
                self.flush(own)


def _is_code(node: nodes.Node) -> bool:
    return isinstance(node, (nodes.literal_block, nodes.doctest_block, Code))


def _ordinal(number: int, kind: str) -> str:
    if kind in {"loweralpha", "upperalpha"} and 1 <= number <= 26:
        letter = chr(ord("a") + number - 1)
        return letter if kind == "loweralpha" else letter.upper()
    return str(number)
