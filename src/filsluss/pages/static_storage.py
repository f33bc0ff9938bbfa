"""The storage of static files: named by their hash, compressed, scripts minified."""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage


class MinifiedStorage:
    """Wraps a storage whose files are scripts; opens them without comments and blanks."""

    def __init__(self, storage: Any) -> None:
        self.storage = storage

    def open(self, name: str) -> ContentFile:
        with self.storage.open(name) as file:
            return ContentFile(jsmin(file.read().decode()).encode())


class MinifiedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Also writes hashed names into the scripts' import statements, so that modules can be immutable."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[Any]:
        minified = {
            name: (MinifiedStorage(storage), path) if name.endswith(".js") else (storage, path)
            for name, (storage, path) in paths.items()
        }
        return super().post_process(minified, *args, **options)
