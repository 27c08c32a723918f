"""Templates: one environment a locale, compiled once. Turns names and view models into HTML, decides nothing."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined, Template
from jinja2.bccache import Bucket

from hotline import i18n
from hotline.agents.supervision import REASONS
from hotline.errors import StartupError
from hotline.settings import Settings
from hotline.tickets import taxonomy

_HERE = Path(__file__).resolve().parent
TEMPLATES = _HERE / "templates"
STATIC = _HERE / "static"


_CODE: dict[str, bytes] = {}


class _Compiled(FileSystemBytecodeCache):
    """Every locale's environment shares the compiled code: it holds no text of any language.

    Kept in the data directory too: compiling is a third of a start. Jinja sees whether a file is of this source.
    """

    def __init__(self, directory: Path) -> None:
        with suppress(OSError):
            directory.mkdir(mode=0o700, exist_ok=True)
        super().__init__(str(directory))

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in _CODE:
            bucket.bytecode_from_string(_CODE[bucket.key])
            return
        try:
            super().load_bytecode(bucket)
        except Exception:  # half a file, after the machine died: compiled anew
            bucket.reset()
        if bucket.code is not None:
            _CODE[bucket.key] = bucket.bytecode_to_string()

    def dump_bytecode(self, bucket: Bucket) -> None:
        _CODE[bucket.key] = bucket.bytecode_to_string()
        with suppress(OSError):  # the disk is full: the next start compiles
            super().dump_bytecode(bucket)


class Kept:
    """Pieces of markup of one locale that depend on one short code alone, by name and code. Codes are the taxonomy's,
    so there are few; what is none of them is rendered each time.
    """

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], str] = {}

    def __call__(self, name: str, code: str, render: Callable[[str], str]) -> str:
        known = self._done.get((name, code))
        if known is None:
            known = render(code)
            if not code or code in taxonomy.CATEGORY_CODES:
                self._done[name, code] = known
        return known


class Renderer:
    """Templates by locale and name. `templates`, `static`: other folders, for tests."""

    def __init__(self, settings: Settings, *, templates: Path = TEMPLATES, static: Path = STATIC) -> None:
        self.static = static
        self.assets = manifest(static)
        compiled = _Compiled(settings.data_dir / "templates")
        self._environments = {
            locale: self._environment(locale, settings, templates, compiled) for locale in i18n.LOCALES
        }
        self._compiled: dict[tuple[str, str], Template] = {}

    def _environment(self, locale: str, settings: Settings, templates: Path, compiled: _Compiled) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=compiled,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(i18n.translations(locale), newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(i18n.template_functions(locale, settings.timezone))
        environment.globals.update(
            asset=self.asset, taxonomy=taxonomy, locale=locale, locales=i18n.LOCALES, demo=settings.demo,
            open_mode=settings.open, practice=not settings.production, phone_test_h=settings.phone_test_h,
            phone_limits={
                "loss": settings.phone_loss, "jitter": settings.phone_jitter_ms, "rtt": settings.phone_rtt_ms
            },
            supervision_reasons=REASONS, supervision_shown=settings.supervision_shown, kept=Kept(),
        )  # fmt: skip
        return environment

    def asset(self, name: str) -> str:
        """The address of a built file, its hash in the name."""
        return f"/static/{self.assets[name]}"

    def warm(self) -> None:
        """Compile every template now, a third of a second: the first caller's ticket must not wait for it."""
        for locale, environment in self._environments.items():
            for name in environment.list_templates():
                self._template(locale, name)

    def html(self, locale: str, name: str, context: Mapping[str, Any]) -> str:
        """A template's text. Raises jinja2.UndefinedError when the context lacks something."""
        return self._template(locale, name).render(context)

    def _template(self, locale: str, name: str) -> Template:
        key = (locale, name)
        template = self._compiled.get(key)
        if template is None:
            template = self._compiled[key] = self._environments[locale].get_template(name)
        return template


def manifest(static: Path) -> dict[str, str]:
    """Plain name → hashed name. Raises StartupError when the front end was not built."""
    try:
        names = json.loads((static / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        raise StartupError("the web console's scripts and styles are not built: run script/setup") from None
    return {str(name): str(built) for name, built in names.items()}
