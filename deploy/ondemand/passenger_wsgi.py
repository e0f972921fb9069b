"""Open OnDemand's app: signs its user in to jobwitness, in their browser. Passenger runs it as the user, on a host with munge."""
import json
import subprocess

TIMEOUT_SECONDS = 15


def address():
    """The address that signs the user in, once; raises an error that says why there is none."""
    done = subprocess.run(["jobwitness", "open", "--json"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=TIMEOUT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"jobwitness ended with status {done.returncode}")
    url = json.loads(done.stdout).get("url", "")
    if not url.startswith(("https://", "http://")):
        raise RuntimeError("the server does not know its public address: set PUBLIC_URL there")
    return url


def application(environ, start_response):
    headers = [("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]
    try:
        start_response("303 See Other", headers + [("Location", address())])
        return [b""]
    except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        start_response("503 Service Unavailable", headers + [("Content-Type", "text/plain; charset=utf-8")])
        return [f"jobwitness cannot be opened: {error}\n".encode()]
