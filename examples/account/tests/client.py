import json
import urllib.error
import urllib.request


def call(url: str, body: object = None) -> tuple[int, dict]:
    """GET, or POST when there is a body; the status and the JSON that came back."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
