"""``/api/v1/sites``: sites, goals and shared links in the shapes of Plausible's Sites API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.proof_people import SITE, People

MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
LINE, ENDED = "\r\n", "\r\n\r\n"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with People(tmp_path) as people:
        yield people


def bearer(people: People, scope: str = "Admin") -> dict[str, str]:
    return {"authorization": f"Bearer {people.key(scope)['x-api-key']}"}


def parts(**fields: str) -> str:
    """A multipart body, as curl and go-plausible send it."""
    each = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return f"{''.join(each)}--b--\r\n"


def ask(people: People, method: str, path: str, headers: dict[str, str], content: Any = None) -> Any:
    answer = people.ask(method, f"/api/v1/sites{path}", headers, content=content)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fault(people: People, method: str, path: str, headers: dict[str, str], content: Any = None) -> tuple[int, str]:
    answer = people.ask(method, f"/api/v1/sites{path}", headers, content=content)
    assert set(answer.json()) == {"error"}
    return answer.status_code, answer.json()["error"]


def test_site_is_created_by_a_form_and_listed(people: People) -> None:
    owner = bearer(people)
    made = parts(domain="New.Example", timezone="Europe/Berlin")
    assert ask(people, "POST", "", owner | MULTIPART, made) == {"domain": "new.example", "timezone": "Europe/Berlin"}
    assert ask(people, "POST", "", owner | FORM, "domain=b.example") == {"domain": "b.example", "timezone": "Etc/UTC"}
    assert ask(people, "GET", "/new.example", owner) == {
        "domain": "new.example",
        "timezone": "Europe/Berlin",
        "custom_properties": [],
    }
    listed = ask(people, "GET", "", owner)
    assert listed["meta"] == {"after": None, "before": None, "limit": 100}
    assert [each["domain"] for each in listed["sites"]] == ["b.example", "new.example", "public.example", SITE]
    status, sentence = fault(people, "POST", "", owner | FORM, "domain=b.example")
    assert (status, sentence[:45]) == (400, "domain: This domain cannot be registered, as ")


def test_days_of_a_created_site_are_those_of_its_zone(people: People) -> None:
    owner = bearer(people)
    ask(people, "POST", "", owner | FORM, "domain=a.example&timezone=Europe/Berlin")
    for day, hours, twice in (("2026-03-29", 23, 0), ("2025-10-26", 25, 2), ("2026-01-01", 24, 1)):
        path = f"/api/v1/stats/timeseries?site_id=a.example&period=day&date={day}"
        labels = [row["date"] for row in people.ask("GET", path, owner).json()["results"]]
        assert (len(labels), labels.count(f"{day} 02:00:00")) == (hours, twice)


def test_site_is_read_with_the_site_in_the_query_too(people: People) -> None:
    """go-plausible repeats it there."""
    assert ask(people, "GET", f"/{SITE}?site_id={SITE}", bearer(people, "ReadOnly"))["timezone"] == "UTC"


def test_list_has_pages_between_cursors(people: People) -> None:
    owner = bearer(people)
    for name in "abcde":
        ask(people, "POST", "", owner | FORM, f"domain={name}.example")

    def page(**parameters: str) -> tuple[str, dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        found = ask(people, "GET", f"?limit=3&{query}", owner)
        return "".join(each["domain"][0] for each in found["sites"]), found["meta"]

    first, meta = page()
    second, meta_of_second = page(after=meta["after"])
    third, meta_of_third = page(after=meta_of_second["after"])
    assert (first, second, third) == ("abc", "dep", "t")
    assert (meta["before"], meta_of_third["after"]) == (None, None)
    assert page(before=meta_of_third["before"])[0] == "dep"
    back, meta_of_back = page(before=meta_of_second["before"])
    assert (back, meta_of_back["before"]) == ("abc", None)
    for wrong in ("limit=0", "limit=1001", "after=%21", "after=YQ==&before=YQ==", "team_id=1"):
        assert fault(people, "GET", f"?{wrong}", owner)[0] == 400


def test_goal_is_found_or_created_and_deleted(people: People) -> None:
    owner = bearer(people)
    fields = {"site_id": SITE, "goal_type": "page", "page_path": "/register"}
    made = ask(people, "PUT", "/goals", owner | MULTIPART, parts(**fields))
    assert made == {
        "domain": SITE,
        "id": made["id"],
        "goal_type": "page",
        "display_name": "Visit /register",
        "event_name": None,
        "page_path": "/register",
    }
    again = ask(people, "PUT", "/goals", owner | MULTIPART, parts(**fields, display_name="Another name"))
    assert again == made
    event = f"site_id={SITE}&goal_type=event&event_name=signup&display_name=Sign-ups&currency=EUR"
    assert ask(people, "PUT", "/goals", owner | FORM, event)["display_name"] == "Sign-ups"
    listed = ask(people, "GET", f"/goals?site_id={SITE}", bearer(people, "ReadOnly"))
    assert [each["display_name"] for each in listed["goals"]] == ["Sign-ups", "Visit /register"]
    assert listed["goals"][1] == {name: value for name, value in made.items() if name != "domain"}
    settings = people.ask("GET", f"/api/sites/{SITE}", owner).json()
    assert settings["goals"][1] == {"name": "Sign-ups", "event": "signup", "currency": "EUR"}
    assert ask(people, "DELETE", f"/goals/{made['id']}", owner | FORM, f"site_id={SITE}") == {"deleted": True}
    assert fault(people, "DELETE", f"/goals/{made['id']}?site_id={SITE}", owner) == (404, "Goal could not be found")
    assert len(ask(people, "GET", f"/goals?site_id={SITE}", owner)["goals"]) == 1


def test_goal_by_which_numbers_are_filtered_is_the_one_created(people: People) -> None:
    owner = bearer(people)
    ask(people, "PUT", "/goals", owner | FORM, f"site_id={SITE}&goal_type=event&event_name=signup&display_name=Joined")
    query = f"/api/v1/stats/aggregate?site_id={SITE}&filters=event:goal=="
    assert people.ask("GET", f"{query}Joined", owner).json() == {"results": {"visitors": {"value": 0}}}
    assert people.ask("GET", f"{query}Left", owner).status_code == 400


def test_shared_link_is_found_or_created_and_opens(people: People) -> None:
    owner = bearer(people)
    made = ask(people, "PUT", "/shared-links", owner | MULTIPART, parts(site_id=SITE, name="Wordpress"))
    address, _, slug = made["url"].partition("#")
    assert (made["name"], address) == ("Wordpress", "http://localhost:8000/share.html")
    assert people.ask("POST", f"/api/share/{slug}", {}, json={}).json()["site_id"] == SITE
    assert ask(people, "PUT", "/shared-links", owner | FORM, f"site_id={SITE}&name=Wordpress") == made


@pytest.mark.parametrize(
    ("method", "path", "content", "expected"),
    [
        ("GET", "/guests", None, (404, "Not found; see /openapi.json.")),
        ("GET", "/shared-links", None, (405, "Method not allowed; use PUT.")),
        ("DELETE", f"/{SITE}", None, (405, "Method not allowed; use GET or HEAD.")),
        ("GET", "/unknown.example", None, (404, "Site could not be found")),
        ("GET", "/goals", None, (400, "Parameter `site_id` is required to list goals")),
        ("GET", "/goals?site_id=unknown.example", None, (404, "Site could not be found")),
        ("PUT", "/goals", "goal_type=event&event_name=a", (400, "Parameter `site_id` is required to create a goal")),
        ("PUT", "/goals", f"site_id={SITE}", (400, "Parameter `goal_type` is required to create a goal")),
        ("PUT", "/goals", f"site_id={SITE}&goal_type=a", (400, "goal_type is 'a', but must be event or page.")),
        (
            "PUT",
            "/goals",
            f"site_id={SITE}&goal_type=page",
            (400, "Parameter `page_path` is required to create a goal"),
        ),
        ("DELETE", "/goals/1", None, (400, "Parameter `site_id` is required to delete a goal")),
        ("PUT", "/shared-links", "name=a", (400, "Parameter `site_id` is required to create a shared link")),
        ("PUT", "/shared-links", f"site_id={SITE}", (400, "Parameter `name` is required to create a shared link")),
        ("POST", "", "timezone=UTC", (400, "domain: can't be blank")),
    ],
)
def test_faults_are_in_the_words_of_plausible(
    people: People, method: str, path: str, content: str | None, expected: tuple[int, str]
) -> None:
    assert fault(people, method, path, bearer(people) | FORM, content) == expected


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (FORM, "domain=a&domain=b"),
        (FORM, "domain=%ff"),
        (FORM, "&".join(f"a{number}=1" for number in range(21))),
        (FORM, f"domain={'a' * 17_000}"),
        (FORM, "domain=a.example&timezone=Mars/Base"),
        (FORM, "domain=a/b"),
        (FORM, "domain=a.example&more=1"),
        (MULTIPART, "--b--"),
        (MULTIPART, "nothing"),
        (MULTIPART, parts(domain="a.example").replace("name=", "other=")),
        (MULTIPART | {"content-type": "multipart/form-data"}, parts(domain="a.example")),
        ({"content-type": "application/json"}, "[]"),
        ({"content-type": "application/json"}, '{"domain": 1}'),
        ({"content-type": "application/json"}, '{"domain": '),
    ],
)
def test_body_that_is_wrong_is_answered_400(people: People, kind: dict[str, str], content: str) -> None:
    assert fault(people, "POST", "", bearer(people) | kind, content)[0] == 400


def test_form_is_taken_with_an_authorization_header_only(people: People) -> None:
    """A page of another site can send a form, but not that header."""
    session = people.headers("session on our page")
    assert fault(people, "POST", "", session | FORM, "domain=a.example")[0] == 415
    assert people.ask("POST", "/api/keys", bearer(people) | FORM, content="name=a").status_code == 415


def test_health_is_answered_by_part(people: People) -> None:
    assert people.ask("GET", "/api/system/health/live", {}).json() == {"ok": True}
    found = people.ask("GET", "/api/health", {}).json()
    assert found == people.ask("GET", "/api/system/health/ready", {}).json()
    assert set(found.values()) == {"ok"}
