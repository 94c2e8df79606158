"""``python:PACKAGE``: the docstrings and signatures of an installed package's public API.

griffe reads the package's source: nothing of it is imported or run. A module of which something is public is
a document, under the path of its file; what it defines goes by its public name, wherever that is exported.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.documents.links import Links
from curation.documents.markup.page import NotIncludedError
from curation.documents.markup.python import ApiEntry
from curation.documents.sources.docstrings import readable_docstring
from curation.documents.sources.files import Skipped, SourceFile
from curation.errors import SourceError, first_line
from curation.settings import ChunkSettings

if TYPE_CHECKING:
    import griffe

_NAME = re.compile(r"^[A-Za-z_][\w.-]*$", re.ASCII)
_NO_API = frozenset({"tests", "test", "conftest", "__main__", "testing_utils"})
_LONGEST_VALUE = 200


class PythonKind:
    prefix = "python"
    form = "PACKAGE"

    def name(self, rest: str) -> str:
        if not _NAME.match(rest):
            raise SourceError(
                f"python:{rest} is not a package.", "Write python:PACKAGE, for example python:httpx"
            )
        return f"python:{_import_name(rest)}"

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> PythonSource:
        return PythonSource(self.name(rest).partition(":")[2])


class PythonSource:
    """The public API of a package, module by module."""

    remark = ""

    def __init__(self, package: str) -> None:
        self.links = Links()
        self.name = f"python:{package}"
        self.version = _version(package)
        root = _loaded(package)
        self._names = _PublicNames(root)
        self._modules = self._names.by_file()
        if not self._modules:
            raise SourceError(
                f"{package} has no public API that can be read from its source.",
                "Is it compiled? Then read its documentation: pypi:, github: or url:",
            )

    def __len__(self) -> int:
        return len(self._modules)

    def text(self, path: str) -> str:
        raise NotIncludedError("a docstring includes no files")

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        for file, module in sorted(self._modules.items()):
            path = self._names.shown(file)
            entries = list(self._names.entries(module))
            if not any(entry.doc or entry.signature for entry in entries):
                yield None
                continue
            text = "\n".join(entry.dumped() for entry in entries)
            yield SourceFile(path, "", "python", text)


class _PublicNames:
    """What of a package is public, and under which name."""

    def __init__(self, root: griffe.Module) -> None:
        self._root = root
        self._folder = _file_of(root).parent
        if _file_of(root).name.startswith("__init__."):
            self._folder = self._folder.parent
        self._public: dict[str, str] = {}  # canonical path → the shortest public name
        self._modules: dict[str, griffe.Module] = {}
        self._collect(root, is_public=True)

    def shown(self, file: Path) -> str:
        return file.relative_to(self._folder).as_posix() if file.is_relative_to(self._folder) else file.name

    def by_file(self) -> dict[Path, griffe.Module]:
        """The modules of which something is public, by their files."""
        return {
            _file_of(module): module
            for module in self._modules.values()
            if any(member.path in self._public for member in _own(module)) or module.path in self._public
        }

    def entries(self, module: griffe.Module) -> Iterator[ApiEntry]:
        """The module, then what is public in it, as it stands in the file."""
        title = self._public.get(module.path, self._root.path)
        own = module.path in self._public
        yield _entry(module, title, title, 1) if own else ApiEntry(title, title, 1, 1)
        for member in sorted(_own(module), key=lambda one: one.lineno or 0):
            name = self._public.get(member.path)
            if name is None or member.is_module:
                continue
            if member.is_attribute and not member.docstring:
                continue
            yield _entry(member, name, name, 2)
            if member.is_class:
                yield from self._class_members(member, name, 3)

    def _class_members(self, owner: Any, name: str, level: int) -> Iterator[ApiEntry]:
        members = (one for one in owner.members.values() if not one.is_alias)
        for member in sorted(members, key=lambda one: one.lineno or 0):
            if member.name.startswith("_") and not (member.name == "__call__" and member.docstring):
                continue
            if member.is_attribute and not member.docstring:
                continue
            heading = f"{name.rpartition('.')[2]}.{member.name}"
            yield _entry(member, f"{name}.{member.name}", heading, level)
            if member.is_class and level < 5:
                yield from self._class_members(member, f"{name}.{member.name}", level + 1)

    def _collect(self, module: griffe.Module, is_public: bool) -> None:
        self._modules[module.path] = module
        if is_public:
            self._offer(module.path, module.path)
        for name, member in module.members.items():
            if member.is_alias:
                if is_public and _is_exported(module, member):
                    target = _target(member)
                    if target is not None and not target.is_module and self._is_ours(target):
                        self._offer(target.path, f"{module.path}.{name}")
            elif member.is_module:
                if name not in _NO_API:
                    self._collect(member, is_public and not name.startswith("_"))  # type: ignore[arg-type]
            elif is_public and member.is_public:
                self._offer(member.path, f"{module.path}.{name}")

    def _offer(self, path: str, name: str) -> None:
        known = self._public.get(path)
        if known is None or (name.count("."), name) < (known.count("."), known):
            self._public[path] = name

    def _is_ours(self, member: Any) -> bool:
        return bool(member.path == self._root.path or member.path.startswith(f"{self._root.path}."))


def _own(module: griffe.Module) -> list[Any]:
    return [member for member in module.members.values() if not member.is_alias]


def _is_exported(module: griffe.Module, alias: Any) -> bool:
    """Whether a module shows what it imports: by ``__all__``, or a package's face that has none."""
    if module.exports is not None:
        return any(str(getattr(name, "name", name)) == alias.name for name in module.exports)
    return bool(module.is_init_module and not alias.name.startswith("_"))


def _target(alias: Any) -> Any:
    import griffe

    try:
        return alias.final_target
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):
        return None


def _entry(member: Any, name: str, heading: str, level: int) -> ApiEntry:
    doc, markup = readable_docstring(member)
    initial = member.members.get("__init__") if member.is_class else None
    if initial is not None and not initial.is_alias and initial.docstring:
        more, its = readable_docstring(initial)
        doc, markup = (
            (f"{doc}\n\n{more}", markup) if doc and its == markup else (doc or more, markup if doc else its)
        )
    return ApiEntry(
        name=name,
        heading=heading,
        level=level,
        line=member.lineno or 1,
        signature=_signature(member, name),
        doc=doc,
        doc_line=(member.docstring.lineno or 0) if member.docstring else 0,
        markup=markup,
    )


def _signature(member: Any, name: str) -> str:
    """How an object is written, as far as its source tells."""
    if member.is_function:
        prefix = "async def" if "async" in member.labels else "def"
        return f"{prefix} {member.signature(name=name)}"
    if member.is_class:
        initial = member.members.get("__init__")
        if initial is not None and not initial.is_alias and initial.is_function:
            call = initial.signature(name=name, return_type=False)
            return "class " + re.sub(r"\((?:self|cls)(?:, )?", "(", call, count=1)
        bases = ", ".join(str(base) for base in member.bases)
        return f"class {name}({bases})" if bases else f"class {name}"
    if member.is_attribute:
        value = str(member.value or "")
        written = name + (f": {member.annotation}" if member.annotation else "")
        shows_value = value and len(value) <= _LONGEST_VALUE and "property" not in member.labels
        return f"{written} = {value}" if shows_value else written
    return ""


def _loaded(package: str) -> griffe.Module:
    import griffe

    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    try:
        root = griffe.load(
            package,
            try_relative_path=False,
            allow_inspection=False,
            resolve_aliases=True,
            resolve_external=False,
        )
    except (ImportError, griffe.LoadingError, OSError, SyntaxError, RecursionError) as error:
        raise SourceError(
            f"There is no package {package} installed whose source can be read: {first_line(error)}",
            f"Install it into this environment first: pip install {package}",
        ) from error
    if not root.is_module or isinstance(root.filepath, list):
        raise SourceError(
            f"{package} is no package with a file of its own.", "Name one of the packages in it."
        )
    return root  # type: ignore[return-value]


def _file_of(module: griffe.Module) -> Path:
    place = module.filepath
    return place[0] if isinstance(place, list) else place


@cache
def _distributions() -> Mapping[str, list[str]]:
    """By what is imported, the distributions that bring it. To ask them all takes a second."""
    return packages_distributions()


def _import_name(name: str) -> str:
    """What is imported for a distribution's name (scikit-learn: sklearn); else the name itself."""
    known = _distributions()
    if name in known:
        return name
    wanted = re.sub(r"[-_.]+", "-", name).lower()
    for top, distributions in sorted(known.items()):
        if not top.startswith("_") and wanted in {
            re.sub(r"[-_.]+", "-", one).lower() for one in distributions
        }:
            return top
    return name.replace("-", "_")


def _version(package: str) -> str:
    distributions = _distributions().get(package.partition(".")[0]) or [package]
    try:
        return version(distributions[0])
    except PackageNotFoundError:
        return ""
