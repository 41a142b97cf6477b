"""Tokens, keys, slugs and hashes that are not quite those there are open nothing."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from mallard.auth import signed_tokens
from mallard.auth.login_sessions import EPOCH_KEY
from mallard.privacy.derived_keys import derived
from mallard.privacy.salts import ingest_key, visitor_key
from support.proof_people import OWN_PAGE, PASSWORD, SECRET, SITE, Headers, People, bearer, now, session

MAIN, KEYS = f"/api/stats/main?site_id={SITE}", "/api/keys"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with People(tmp_path_factory.mktemp("forged")) as people:
        yield people


def opened(people: People, *shown: Headers) -> list[Headers]:
    """Those that are let in anywhere."""
    return [each for each in shown for path in (MAIN, KEYS) if people.ask("GET", path, each).status_code != 401]


def as_token(text: str) -> Headers:
    return bearer(text)


def as_cookie(text: str) -> Headers:
    return session(text) | OWN_PAGE


def changed(text: str) -> list[str]:
    """A text with something missing, added, or another."""
    places = range(0, len(text) - 1, 5)
    found = [text[:each] + ("A" if text[each] != "A" else "B") + text[each + 1 :] for each in places]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last character of a signature has two idle bits, so four characters decode to the same bytes.
    found += [text[:-1] + alphabet[alphabet.index(text[-1]) ^ bits] for bits in (1, 2, 3) if text[-1] in alphabet]
    found += [text[:-1], text[1:], text + "A", "A" + text, text * 2, text[: len(text) // 2], text[::-1]]
    found += [text.swapcase(), text.upper(), f"{text}.", f"{text}=", text.replace(".", ".."), text.replace(".", ".!")]
    found += [f"{text},{text}", f"{text} {text}", quote(text + "\n"), f"{text}\u00e9", "", "null", "undefined", "."]
    return [each for each in found if each != text]


@pytest.mark.parametrize("show", [as_token, as_cookie])
def test_session_token_is_accepted_only_unchanged(people: People, show: Callable[[str], Headers]) -> None:
    token = people.log_in()
    assert len(opened(people, show(token))) == 2
    shown = [show(each) for each in changed(token) if each.isascii()]
    assert opened(people, *shown) == []


def test_token_of_one_purpose_is_refused_for_another(people: People) -> None:
    link = people.auth.links.create(SITE, "a", now())
    share = people.auth.authenticator.let_in(link, now())
    assert people.ask("GET", MAIN, bearer(share)).status_code == 200
    assert opened(people, as_cookie(share)) == []
    assert people.ask("GET", KEYS, bearer(share)).status_code == 403
    text = people.key("Admin")["x-api-key"]
    assert opened(people, as_cookie(text), as_cookie(link.slug), as_token(link.slug), as_token(PASSWORD)) == []
    assert (
        people.ask("GET", KEYS, {"x-api-key": people.log_in()}).status_code == 200
    )  # a token is a token in either header
    for way in ("X-Mallard-Edge", "X-Auth-Token", "X-Session", "Token"):
        assert opened(people, {way: people.log_in()}, {way: text}) == []


def purposes(people: People) -> list[tuple[str, bytes]]:
    """The purposes of sessions and links, as a reader of the bucket could know them, and the key of each."""
    stored = people.store.get(EPOCH_KEY)
    assert stored is not None
    session = f"session {json.loads(stored.data)['epoch']} {people.auth.passwords.mark()}"
    return [(session, derived(SECRET.encode(), "sessions")), ("share", derived(SECRET.encode(), "tokens of links"))]


def test_tokens_signed_without_the_secret_are_refused(people: People) -> None:
    """Other secrets, other digests, other forms; with the secret the very same is a session."""
    slug = people.auth.links.create(SITE, "a", now()).slug
    content = {"n": "a", "s": slug, "t": int(now().timestamp())}
    forged = []
    for purpose, own in purposes(people):
        for secret in (b"", b"secret", SECRET.encode()[:-1], SECRET.encode() + b"0", PASSWORD.encode()):
            forged.append(signed_tokens.sign(secret, purpose, content, now()))
            forged.append(signed_tokens.sign(derived(secret, "sessions"), purpose, content, now()))
        salt = f"mallard {purpose}"
        for digest in (hashlib.sha1, hashlib.md5, hashlib.sha512):
            ways = {"key_derivation": "hmac", "digest_method": digest}
            forged.append(str(URLSafeSerializer(own, salt=salt, signer_kwargs=ways).dumps(content)))
        for derivation in ("concat", "django-concat", "none"):
            ways = {"key_derivation": derivation, "digest_method": hashlib.sha256}
            forged.append(str(URLSafeSerializer(own, salt=salt, signer_kwargs=ways).dumps(content)))
        forged.append(str(URLSafeTimedSerializer(own, salt=salt).dumps(content)))
        forged.append(json_web_token({"alg": "none"}, content, b""))
        forged.append(json_web_token({"alg": "HS256"}, content, own))
    assert opened(people, *map(as_token, forged), *map(as_cookie, forged)) == []
    right = [signed_tokens.sign(own, purpose, content, now()) for purpose, own in purposes(people)]
    assert len(opened(people, *map(as_token, right))) == 4


def test_signing_key_of_one_purpose_is_refused_for_another(people: People) -> None:
    """The ingest key is all that the function which is open to the world holds."""
    link = people.auth.links.create(SITE, "a", now(), password="kettle-moss-17")
    content = {"n": "a", "s": link.slug}
    ingest = ingest_key(people.store, "", SECRET)
    keys = [SECRET.encode(), ingest, visitor_key(ingest), bytes.fromhex(ingest.decode())]
    keys += [derived(ingest, label) for label in ("sessions", "tokens of links")]
    (session, of_sessions), (share, of_links) = purposes(people)
    forged = [signed_tokens.sign(key, purpose, content, now()) for key in keys for purpose in (session, share)]
    forged += [
        signed_tokens.sign(of_links, session, content, now()),
        signed_tokens.sign(of_sessions, share, content, now()),
    ]
    assert opened(people, *map(as_token, forged), *map(as_cookie, forged)) == []


def json_web_token(head: dict[str, str], content: dict[str, object], secret: bytes) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (head, content)]
    signature = hmac.digest(secret, b".".join(parts), "sha256") if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_session_of_another_installation_is_refused(people: People, tmp_path: pytest.TempPathFactory) -> None:
    """The same password and secret, another store: its epoch is another."""
    with People(tmp_path) as other:  # type: ignore[arg-type]
        token = other.log_in()
        assert len(opened(other, bearer(token))) == 2
    assert opened(people, bearer(token), as_cookie(token)) == []


def test_api_key_is_accepted_only_unchanged(people: People) -> None:
    text, key = people.auth.keys.create("a", "Admin", now())
    assert len(opened(people, {"x-api-key": text}, bearer(text), {"authorization": f"bearer  {text}"})) == 6
    shown = [*changed(text), key.key_hash, f"mm_{key.key_hash}", f"config/keys/{key.key_hash}", f"mm_{text}", text[3:]]
    wrong = [{"x-api-key": each} for each in shown if each.isascii()]
    wrong += [bearer(each) for each in shown if each.isascii()] + [
        {"authorization": text},
        {"authorization": f"Basic {text}"},
    ]
    assert opened(people, *wrong) == []
    assert people.ask("GET", f"{MAIN}&api_key={text}", {}).status_code == 401
    assert people.ask("GET", f"{MAIN}&token={text}", {}).status_code == 401


def paths_like(text: str) -> list[str]:
    """Names that could lead to the same object, or to another."""
    odd = ["..", "../keys/x", "..%2fpassword", "%2e%2e%2fpassword", "*", "%", "\uff21" * 22, f"{text}\n", "a" * 5000]
    folded = [f"./{text}", f"{text}.json", f"{text}/", f"{text}\0", f"{text}%00", f"x/../{text}", f"{text}\u200b"]
    return [quote(each, safe="").replace(".", "%2E") for each in [*changed(text), *odd, *folded] if each]


def test_link_slug_is_accepted_only_unchanged(people: People) -> None:
    link = people.auth.links.create(SITE, "a", now())
    owner = people.headers("Admin key")
    for each in paths_like(link.slug):
        assert people.ask("POST", f"/api/share/{each}", {}, json={}).status_code in (400, 404, 405), each
        assert people.ask("DELETE", f"/api/links/{each}", owner).status_code in (400, 404, 405), each
    assert people.ask("POST", f"/api/share/{link.slug}", {}, json={}).status_code == 200


def test_key_is_revoked_only_by_its_exact_hash(people: People) -> None:
    text, key = people.auth.keys.create("a", "Admin", now())
    owner = people.headers("Admin key")
    for each in [*paths_like(key.key_hash), text, key.key_hash.upper()]:
        assert people.ask("DELETE", f"{KEYS}/{each}", owner).status_code in (400, 404, 405), each
    assert people.ask("GET", KEYS, {"x-api-key": text}).status_code == 200
    assert people.ask("DELETE", f"{KEYS}/{key.key_hash}", owner).status_code == 200
    assert opened(people, {"x-api-key": text}) == []
