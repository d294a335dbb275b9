"""A web server of a folder's files that serves byte ranges, which Python's own does not: web.py ADDRESS PORT FOLDER."""

import http
import http.server
import os
import re
import sys

COPIED_BYTES = 1 << 20


class Part:
    """The next bytes of an open file, as if there were no more."""

    def __init__(self, file, length):
        self.file, self.left = file, length

    def read(self, size):
        """At most as many bytes."""
        data = self.file.read(min(size, self.left))
        self.left -= len(data)
        return data

    def close(self):
        """Closes the file."""
        self.file.close()


class Handler(http.server.SimpleHTTPRequestHandler):
    """GET and HEAD of files, whole or a range of them."""

    protocol_version = "HTTP/1.1"

    def send_head(self):
        """The headers; what is to be sent after them."""
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        file = open(path, "rb")
        status = os.fstat(file.fileno())
        tag, size = f'"{status.st_mtime_ns:x}-{status.st_size:x}"', status.st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted and self.headers.get("If-Range", tag) == tag:
            first = int(wanted[1])
            last = min(int(wanted[2] or size - 1), size - 1)
            if first > last:
                file.close()
                self.send_response(http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            self.send_response(http.HTTPStatus.PARTIAL_CONTENT)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            first, last = 0, size - 1
            self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", self.date_time_string(status.st_mtime))
        self.end_headers()
        file.seek(first)
        return Part(file, last - first + 1)

    def copyfile(self, source, outputfile):
        """Sends it, to whoever still wants it."""
        try:
            while data := source.read(COPIED_BYTES):
                outputfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


def main():
    """Serves until it is ended."""
    address, port, folder = sys.argv[1:]

    def handler(*arguments, **more):
        return Handler(*arguments, directory=folder, **more)

    http.server.ThreadingHTTPServer((address, int(port)), handler).serve_forever()


main()
