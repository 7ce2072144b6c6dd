"""EPUB: the files of its spine in order, each a page; its contents; its notes.

Notes often lie in another file than their marks, so every file is looked through
for references before the first is read.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.entities import html5
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml import etree

from lectern.documents.pages import (
    Element,
    OutlineEntry,
    RecognisedPage,
    RecognitionMethod,
)
from lectern.errors import DamagedFile, PasswordProtected
from lectern.ids import digest
from resources.engines.recognition.guards import Archive, Caps, check_depth
from resources.engines.recognition.markup_tree import TreeReader, is_note_reference
from resources.engines.recognition.plain_text import decode

ENGINE = "lectern epub 1"
CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
FONT_SCRAMBLING = (
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
)
READABLE_TYPES = frozenset(
    {
        "application/xhtml+xml",
        "text/html",
        "text/x-oeb1-document",
        "application/x-dtbook+xml",
        "application/html+xml",
    }
)
NAMED_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
OUTLINE_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class SpineItem:
    """One file of the reading order."""

    name: str
    is_linear: bool


@dataclass(slots=True)
class EpubFile:
    """One EPUB, looked through; closed by its caller."""

    archive: Archive
    caps: Caps
    title: str = ""
    author: str = ""
    language: str | None = None
    spine: list[SpineItem] = field(default_factory=list)
    outline: tuple[OutlineEntry, ...] = ()
    _targets: set[str] = field(default_factory=set)
    _note_targets: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, path: Path, caps: Caps) -> "EpubFile":
        """Open a file and read everything but its text.

        Raises:
            DamagedFile: It lacks what every EPUB has.
            InflatesTooMuch: It unpacks to more than allowed.
            PasswordProtected: Its text is locked by a shop.
        """
        archive = Archive(path, caps)
        archive.check()
        book = cls(archive, caps)
        package_name = _package_name(archive)
        package = _xml(archive.read(package_name), caps)
        manifest = _manifest(package, package_name)
        book.title = _first(package, "title")
        book.author = ", ".join(_all(package, "creator"))
        book.language = _first(package, "language").split("-")[0].lower() or None
        book.spine = _spine(package, manifest, archive)
        _refuse_locked(archive, {item.name for item in book.spine})
        book.outline = tuple(_outline(package, manifest, archive, caps))
        book._targets.update(entry.anchor for entry in book.outline)
        book._look_through()
        return book

    def pages(self) -> Iterator[RecognisedPage]:
        """Yield the files of the spine as pages."""
        for number, item in enumerate(self.spine, start=1):
            data = self.archive.read(item.name)
            elements = self._elements(item, data)
            yield RecognisedPage(
                number=number,
                method=(
                    RecognitionMethod.MARKUP if elements else RecognitionMethod.BLANK
                ),
                engine=ENGINE,
                content_digest=digest(data),
                elements=tuple(elements),
            )

    def _elements(self, item: SpineItem, data: bytes) -> list[Element]:
        tree = _xml(data, self.caps)
        body = next(tree.iter("{*}body"), tree)
        reader = TreeReader(
            resolve=lambda reference: _resolved(reference, item.name),
            own_anchor=lambda identifier: f"{item.name}#{identifier}",
            targets=self._targets,
            note_targets=self._note_targets,
        )
        language = tree.get("{http://www.w3.org/XML/1998/namespace}lang")
        elements = reader.read(body, language=language and language.split("-")[0])
        is_target = item.name in self._targets and elements
        if is_target and not elements[0].anchor:
            elements[0] = replace(elements[0], anchor=item.name)
        return elements

    def _look_through(self) -> None:
        """Collect what references point to, and which of it are notes."""
        for item in self.spine:
            tree = _xml(self.archive.read(item.name), self.caps)
            for link in tree.iter("{*}a"):
                if not isinstance(link.tag, str) or not link.get("href"):
                    continue
                target = _resolved(link.get("href"), item.name)
                self._targets.add(target)
                words = "".join(link.itertext()).strip()
                if is_note_reference(link, words) and not _is_in_note(link):
                    self._note_targets.add(target)


def _is_in_note(link: Any) -> bool:
    """Return whether a link stands in a note, and so is the way back to its mark."""
    return any(
        "note" in f"{node.get('{http://www.idpf.org/2007/ops}type')} {node.get('role')}"
        for node in link.iterancestors("{*}aside", "{*}li", "{*}div", "{*}section")
    )


def _package_name(archive: Archive) -> str:
    if not archive.has(CONTAINER):
        raise _damaged("it lacks its container file")
    match = re.search(rb"full-path\s*=\s*[\"']([^\"']+)", archive.read(CONTAINER))
    name = unquote(match.group(1).decode("utf-8", "replace")) if match else ""
    if not archive.has(name):
        raise _damaged("it lacks its package file")
    return name


def _xml(data: bytes, caps: Caps) -> Any:
    """Return a tree, without ever loading a DTD or an entity it defines."""
    check_depth(data, limit=caps.element_depth)
    text = DOCTYPE.sub("", _text(data), count=1)
    text = NAMED_ENTITY.sub(_character, text)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _damaged("one of its files cannot be read") from error
    if tree is None:
        raise _damaged("one of its files is empty")
    return tree


def _text(data: bytes) -> str:
    """Return the text of an XML file, without the encoding it states."""
    stated = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w-]+)", data[:200])
    try:
        text = data.decode(stated.group(1).decode()) if stated else decode(data)
    except (LookupError, UnicodeDecodeError):
        text = decode(data)
    return re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text)


def _character(found: re.Match[str]) -> str:
    """Return the character of an HTML entity that XML does not know."""
    name = found.group(1)
    if name in XML_ENTITIES:
        return found.group()
    return html5.get(f"{name};", "")


def _manifest(package: Any, package_name: str) -> dict[str, tuple[str, str, str]]:
    """Return name in the archive, media type and properties by manifest id."""
    found = {}
    for item in package.iter("{*}item"):
        if item.get("id") and item.get("href"):
            name = _resolved(item.get("href"), package_name)
            kind = item.get("media-type") or ""
            found[item.get("id")] = (name, kind, item.get("properties") or "")
    return found


def cover_name(archive: Archive, caps: Caps) -> str | None:
    """Return the name of the picture that an EPUB states to be its cover.

    Raises:
        DamagedFile: It lacks what every EPUB has.
    """
    package_name = _package_name(archive)
    package = _xml(archive.read(package_name), caps)
    manifest = _manifest(package, package_name)
    for name, _, properties in manifest.values():
        if "cover-image" in properties.split():
            return name
    for meta in package.iter("{*}meta"):  # as EPUB 2 says it
        if meta.get("name") == "cover" and meta.get("content") in manifest:
            return manifest[meta.get("content")][0]
    return None


def _spine(
    package: Any, manifest: dict[str, tuple[str, str, str]], archive: Archive
) -> list[SpineItem]:
    """Return the reading order; what it names and does not hold is passed over."""
    found: list[SpineItem] = []
    for reference in package.iter("{*}itemref"):
        name, kind, _ = manifest.get(reference.get("idref") or "", ("", "", ""))
        is_text = kind in READABLE_TYPES or name.endswith((".xhtml", ".html", ".htm"))
        if is_text and archive.has(name):
            found.append(SpineItem(name, reference.get("linear") != "no"))
    if not found:
        raise _damaged("it names no text to read")
    # Files out of the reading order, notes above all, are read after it.
    return sorted(found, key=lambda item: not item.is_linear)


def _refuse_locked(archive: Archive, names: set[str]) -> None:
    if not archive.has(ENCRYPTION):
        return
    data = archive.read(ENCRYPTION).decode("utf-8", "replace")
    for part in data.split("EncryptedData>")[0::1]:
        scrambled_font = any(algorithm in part for algorithm in FONT_SCRAMBLING)
        uri = re.search(r"CipherReference[^>]*URI=[\"']([^\"']+)", part)
        if uri and not scrambled_font and unquote(uri.group(1)) in names:
            raise PasswordProtected(
                "This EPUB is locked by the shop it comes from (DRM), and only that "
                "shop's reader can open it. Ask for a copy without the lock."
            )


def _outline(
    package: Any,
    manifest: dict[str, tuple[str, str, str]],
    archive: Archive,
    caps: Caps,
) -> Iterator[OutlineEntry]:
    """Yield the contents: by the navigation file, else by the older NCX."""
    spine = next(package.iter("{*}spine"), None)
    ncx_id = spine.get("toc") if spine is not None else None
    for identifier, (name, kind, properties) in manifest.items():
        if "nav" in properties.split() and archive.has(name):
            entries = list(_from_nav(_xml(archive.read(name), caps), name))
            if entries:
                yield from entries[:OUTLINE_ENTRIES]
                return
        if kind == "application/x-dtbncx+xml":
            ncx_id = ncx_id or identifier
    name = manifest.get(ncx_id or "", ("", "", ""))[0]
    if archive.has(name):
        points = _from_ncx(_xml(archive.read(name), caps), name)
        yield from list(points)[:OUTLINE_ENTRIES]


def _from_nav(tree: Any, name: str) -> Iterator[OutlineEntry]:
    contents = [
        nav
        for nav in tree.iter("{*}nav")
        if "toc" in (nav.get("{http://www.idpf.org/2007/ops}type") or "toc").split()
    ]
    for link in contents[0].iter("{*}a") if contents else ():
        title = " ".join("".join(link.itertext()).split())
        level = sum(1 for _ in link.iterancestors("{*}ol", "{*}ul"))
        if title and link.get("href"):
            anchor = _resolved(link.get("href"), name)
            yield OutlineEntry(title, max(1, level), None, anchor)


def _from_ncx(tree: Any, name: str) -> Iterator[OutlineEntry]:
    for point in tree.iter("{*}navPoint"):
        label = next(point.iterfind("{*}navLabel/{*}text"), None)
        content = next(point.iterfind("{*}content"), None)
        title = " ".join((label.text or "").split()) if label is not None else ""
        if title and content is not None:
            level = 1 + sum(1 for _ in point.iterancestors("{*}navPoint"))
            anchor = _resolved(content.get("src") or "", name)
            yield OutlineEntry(title, level, None, anchor)


def _resolved(reference: str, base_name: str) -> str:
    """Return a reference as a name in the archive with its fragment, or as it is."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return reference
    if parts.scheme or parts.netloc:
        return reference
    name = base_name
    if parts.path:
        folder = posixpath.dirname(base_name)
        name = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
    return f"{name}#{unquote(parts.fragment)}" if parts.fragment else name


def _first(package: Any, name: str) -> str:
    return next(_all(package, name), "")


def _all(package: Any, name: str) -> Iterator[str]:
    """Yield the statements of one kind in the Dublin Core metadata."""
    for node in package.iter(f"{{http://purl.org/dc/elements/1.1/}}{name}"):
        text = " ".join("".join(node.itertext()).split())
        if text:
            yield text


def _damaged(why: str) -> DamagedFile:
    return DamagedFile(
        f"This EPUB cannot be read: {why}. Download it again, or export it anew."
    )
