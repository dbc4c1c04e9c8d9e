"""From the finished page to a document: every element is either understood or refused."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser

from evalkit.model.evaluation import Number
from evalkit.reporting.document import (
    Block,
    Bullets,
    Callout,
    Column,
    Document,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Run,
    Section,
    Table,
    Terms,
)  # fmt: skip
from evalkit.reporting.page import Page

VOID = {"meta"}
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Signs that XML, and so an office file, cannot hold; they are shown as missing."""
GROUPS = {"article", "div", "details"}
"""Elements that hold blocks and say nothing themselves."""
CONTROLS = {"nav", "summary"}
"""What a reader of a screen steers with; other formats have their own."""
KINDS = {"quiet", "note", "kicker", "finding", "about"}


@dataclasses.dataclass(eq=False)
class Element:
    """An element of the page as it stands."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"]

    def all(self, tag: str) -> Iterator["Element"]:
        """Yield the elements of one kind at any depth, in order."""
        for child in self.elements():
            if child.tag == tag:
                yield child
            yield from child.all(tag)

    def elements(self) -> Iterator["Element"]:
        """Yield the elements directly inside."""
        return (child for child in self.children if isinstance(child, Element))

    def parts(self) -> list["Element"]:
        """Return what stands directly inside an element that holds no text of its own."""
        if any(isinstance(child, str) and child.strip() for child in self.children):
            raise ValueError(f"the page has text outside any paragraph, in an element '{self.tag}'")
        return list(self.elements())

    def classes(self) -> list[str]:
        """Return the classes."""
        return self.attributes.get("class", "").split()


def read_page(html: str, page: Page) -> Document:
    """Read a finished page.

    Parameters
    ----------
    html : str
        As `render.html` returns it.
    page : Page
        What it was made from: its numbers and figures are looked up by id.

    Raises
    ------
    ValueError
        The page has an element, or a number, that is not known; nothing is left out.
    """
    body = next(_tree(html).all("body"))
    _require(body, {"div", "header", "main", "footer"})
    reader = _Reader(page.release.numbers, page)
    parts = {child.tag: child for child in body.elements()}
    status = [line for part in body.elements() if part.tag == "div" for line in part.all("p")]
    head = parts["header"]
    _require(head, {"p", "h1", "dl"})
    _require(parts["main"], {"nav", "section"})
    return Document(
        language=page.words.language,
        title=_text(next(head.all("h1"))).strip(),
        status=tuple(map(reader.inline, status)),
        kicker=reader.inline(next(head.all("p"))),
        facts=reader.terms(next(head.all("dl"))),
        sections=tuple(reader.section(part) for part in parts["main"].elements() if part.tag == "section"),
        footer=reader.inline(next(parts["footer"].all("p"))),
        date=page.release.study.edition.date,
    )


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {}, [])]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop().tag != tag:
            raise ValueError(f"the page has an element '{tag}' that is not well nested")

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def _tree(html: str) -> Element:
    """Return the page's elements; of a drawing only what names it."""
    parser = _Tree()
    html = NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", html)
    parser.feed(re.sub(r"(<svg\b[^>]*>).*?</svg>", r"\1</svg>", html, flags=re.DOTALL))
    parser.close()
    return parser.open[0]


def _require(element: Element, known: set[str]) -> None:
    """Refuse an element with parts that nobody reads."""
    unknown = {part.tag for part in element.parts()} - known
    if unknown:
        raise ValueError(f"the page has an element '{min(unknown)}' that no format knows")


def _text(element: Element) -> str:
    return "".join(child if isinstance(child, str) else _text(child) for child in element.children)


class _Reader:
    """Turns elements into the parts of a document."""

    def __init__(self, numbers: Mapping[str, Number], page: Page) -> None:
        self.numbers = numbers
        self.drawings = {drawing.stem: drawing for drawing in page.drawings.values()}
        self._caption: Inline = ()

    def section(self, element: Element) -> Section:
        first, *rest = element.parts()
        return Section(element.attributes["id"], self.inline(first), tuple(self.blocks(rest)))

    def blocks(self, elements: Iterable[Element]) -> Iterator[Block]:
        for element in elements:
            if element.tag in CONTROLS:
                continue
            if element.tag == "div" and "headline" in element.classes():
                yield Callout(tuple(map(self.paragraph, element.parts())), element.classes()[-1])
            elif element.tag in GROUPS:
                is_long = "long" in element.classes()
                for block in self.blocks(element.parts()):
                    yield dataclasses.replace(block, is_long=True) if is_long and isinstance(block, Table) else block
            elif element.tag == "p" and "caption" in element.classes():
                self._caption = self.inline(element)
            else:
                yield self.block(element)

    def block(self, element: Element) -> Block:
        match element.tag:
            case "p":
                return self.paragraph(element)
            case "h3" | "h4":
                return Heading(self.inline(element), int(element.tag[1]))
            case "ul":
                return Bullets(tuple(self.inline(item) for item in element.parts()))
            case "dl":
                return self.terms(element)
            case "table":
                return self.table(element)
            case "figure":
                return self.figure(element)
        raise ValueError(f"the page has an element '{element.tag}' that no format knows")

    def paragraph(self, element: Element) -> Paragraph:
        if element.tag != "p":
            raise ValueError(f"the page has an element '{element.tag}' where a paragraph stands")
        kind = next((name for name in element.classes() if name in KINDS), "")
        return Paragraph(self.inline(element, keep_lines=kind == "about"), kind)

    def terms(self, element: Element) -> Terms:
        entries: list[tuple[Inline, list[Inline]]] = []
        for part in _terms(element):
            if part.tag == "dt":
                entries.append((self.inline(part), []))
            else:
                entries[-1][1].append(self.inline(part))
        return Terms(tuple((term, tuple(said)) for term, said in entries))

    def table(self, element: Element) -> Table:
        head, *rows = (row for group in element.parts() for row in group.parts())
        columns = tuple(Column(self.inline(cell), "num" in cell.classes()) for cell in head.parts())
        return Table(self._caption, columns, tuple(tuple(map(self.inline, row.parts())) for row in rows))

    def figure(self, element: Element) -> Figure:
        caption, svg = element.parts()
        drawing = self.drawings[svg.attributes["aria-labelledby"].split()[0].removesuffix("-title")]
        return Figure(drawing.stem, self.inline(caption), drawing.alternative, drawing.svg, drawing.png)

    def inline(self, element: Element, *, keep_lines: bool = False) -> Inline:
        """Return the text of an element with white space as a browser shows it."""
        found: list[Run] = []
        for run in self._runs(element, Run("")):
            text = run.text if keep_lines or run.text == "\n" else re.sub(r"\s+", " ", run.text)
            if text.startswith(" ") and (not found or found[-1].text.endswith((" ", "\n"))):
                text = text[1:]
            if text:
                found.append(dataclasses.replace(run, text=text))
        while found and not found[-1].text.rstrip():
            found.pop()
        if found:
            found[-1] = dataclasses.replace(found[-1], text=found[-1].text.rstrip())
        return tuple(found)

    def _runs(self, element: Element, look: Run) -> Iterator[Run]:
        for child in element.children:
            if isinstance(child, str):
                yield dataclasses.replace(look, text=child)
                continue
            if {"interval", "line"} & set(child.classes()):
                yield dataclasses.replace(look, text="\n")
            yield from self._runs(child, self._look(child, look))

    def _look(self, element: Element, look: Run) -> Run:
        """Return the look of what stands inside an inline element."""
        match element.tag:
            case "strong":
                return dataclasses.replace(look, is_strong=True)
            case "code":
                return dataclasses.replace(look, is_code=True)
            case "a" if element.attributes["href"].startswith("#"):
                return dataclasses.replace(look, target=element.attributes["href"][1:])
            case "span" if "badge" in element.classes():
                return dataclasses.replace(look, badge=element.classes()[-1])
            case "span" if "data-ref" in element.attributes:
                return dataclasses.replace(look, number=self.numbers[element.attributes["data-ref"]])
            case "span":
                return look
        raise ValueError(f"the page has an element '{element.tag}' in a line of text")


def _terms(element: Element) -> Iterator[Element]:
    """Yield terms and what is said of them; a list may group them."""
    for part in element.parts():
        if part.tag == "div":
            yield from part.parts()
        else:
            yield part
