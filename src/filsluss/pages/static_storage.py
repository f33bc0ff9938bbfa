"""What pages are dressed in: static files hashed, compressed, and scripts without what only people read."""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage


class MinifiedStorage:
    """A storage as it is, but for its scripts, which come without comments and blanks."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def open(self, name: str) -> ContentFile:
        with self.storage.open(name) as file:
            return ContentFile(jsmin(file.read().decode()).encode())


class MinifiedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Modules name each other by hash as pages do, so that each can be kept for ever."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[Any]:
        short = {
            name: (MinifiedStorage(storage), path) if name.endswith(".js") else (storage, path)
            for name, (storage, path) in paths.items()
        }
        return super().post_process(short, *args, **options)
