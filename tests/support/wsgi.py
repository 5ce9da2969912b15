"""Lets `requests` call the application in this process, so that one browser serves both kinds of tests."""

import io
from email.message import Message
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app


class InProcess(HTTPAdapter):
    def __init__(self, app: Flask) -> None:
        super().__init__()
        self.app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **_options: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body.encode() if isinstance(request.body, str) else request.body
        builder = EnvironBuilder(
            path=unquote(parts.path),
            query_string=parts.query,
            method=request.method or "GET",
            headers=list(request.headers.items()),
            input_stream=io.BytesIO(body or b""),
            base_url=f"http://{request.headers.get('Host', parts.netloc)}",
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        )
        chunks, status, headers = run_wsgi_app(self.app.wsgi_app, builder.get_environ(), buffered=True)
        message = Message()
        for name, value in headers:
            message[name] = value
        raw = HTTPResponse(
            io.BytesIO(b"".join(chunks)),
            headers=headers,  # type: ignore[arg-type]
            status=int(status.split()[0]),
            preload_content=False,
            request_method=request.method,  # the answer to HEAD has a length and no body
            original_response=SimpleNamespace(msg=message, isclosed=lambda: True),  # type: ignore[arg-type]
        )
        return self.build_response(request, raw)
