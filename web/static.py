"""Built scripts and styles: compressed beside the file, cached for ever because their names hold their hash."""

import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOREVER = "public, max-age=31536000, immutable"


class BuiltFiles(StaticFiles):
    """`hashed`: names that never change their content."""

    def __init__(self, folder: Path, hashed: frozenset[str]) -> None:
        super().__init__(directory=folder)
        self._hashed = hashed

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = Path(full_path)
        packed = path.with_name(path.name + ".br")
        asked = Headers(scope=scope).get("accept-encoding", "")
        accepts = {part.partition(";")[0].strip() for part in asked.split(",")}
        if "br" in accepts and packed.is_file():
            response: Response = super().file_response(packed, packed.stat(), scope, status_code)
            if isinstance(response, FileResponse):
                # The type is the plain file's: by the packed name it would be unknown.
                response.headers["Content-Type"] = _type_of(path)
            response.headers["Content-Encoding"] = "br"
        else:
            response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = _FOREVER if path.name in self._hashed else "no-cache"
        return response


def _type_of(path: Path) -> str:
    return FileResponse(path).headers["Content-Type"]
