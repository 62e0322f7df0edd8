"""Visitors and rounds over the JSON API, as a property-management system would use it."""

import base64

from tests.console.rig import Rig
from tests.console.test_api import ask, with_token
from tests.console.test_visit_pages import JPEG, put_card
from tests.waiting import until

FORM = {"name": "李雷", "host": "p-0001", "phone": "13812345678", "plate": "皖A12345"}


def test_a_visit_from_the_invitation_to_the_street(rig: Rig) -> None:
    client = with_token(rig, "visits")
    card = ask(client, "POST", "/visits", FORM).json()[0]
    visit = card["visit"]["id"]
    assert card["ticket"]["text"].startswith("SCP1.")
    expected = rig.newest("visit.expected")
    assert getattr(expected, "by", "") == "local/api/t-visits"
    assert ask(client, "POST", "/scans", {"text": card["ticket"]["code"]}).json()["visit"]["id"] == visit
    assert ask(client, "POST", f"/visits/{visit}", {"verb": "arrive"}).json()["visit"]["state"] == "arrived"
    assert ask(client, "POST", f"/visits/{visit}", {"verb": "arrive"}).status == 409
    assert visit in {one["visit"]["id"] for one in ask(client, "GET", "/visits?show=inside&text=12345").json()}
    longer = ask(client, "POST", f"/visits/{visit}", {"verb": "extend", "until_ms": 4_000_000_000_000}).json()
    assert longer["visit"]["revision"] == 2
    assert ask(client, "POST", "/scans", {"text": card["ticket"]["text"]}).status == 409, "the old pass"
    assert ask(client, "POST", f"/visits/{visit}", {"verb": "leave"}).json()["visit"]["state"] == "left"
    assert ask(client, "GET", "/visits/v-ffffffffffff").status == 404
    assert ask(client, "POST", "/walk-ins", FORM | {"colour": "red"}).status == 422
    assert ask(client, "POST", "/walk-ins", FORM | {"until_ms": 2**53 - 1}).status == 422


def test_the_desk_the_hosts_and_the_blacklist(rig: Rig) -> None:
    client = with_token(rig, "visits")
    assert ask(client, "GET", "/visit-hosts?text=3-1").json()[0]["id"] == "p-0001"
    assert ask(client, "GET", "/visit-document?desk=reception").json() is None
    put_card(rig)
    document = until(lambda: ask(client, "GET", "/visit-document?desk=reception").json())
    assert document["document"] == "110105**********2X"
    bar = ask(client, "POST", "/visit-bars", {"phone": "13900000000", "reason": "r"}).json()
    assert ask(client, "POST", "/walk-ins", FORM | {"phone": "139 0000 0000"}).status == 409
    assert ask(client, "POST", "/visit-bars", {"phone": "1", "plate": "2", "reason": "r"}).status == 422
    assert ask(client, "DELETE", f"/visit-bars/{bar['id']}").status == 200
    assert ask(client, "DELETE", f"/visit-bars/{bar['id']}").status == 404


def test_rounds(rig: Rig) -> None:
    client = with_token(rig, "patrol")
    assert ask(client, "POST", "/patrols", {"code": "P-7"}).json()["point"] == "roof"
    assert ask(client, "GET", "/patrols").json()[0]["points"][0]["state"] == "done"
    made = ask(
        client, "POST", "/hazards", {"category": "gas", "place": "2-1", "photo": base64.b64encode(JPEG).decode()}
    ).json()
    photo = ask(client, "GET", f"/hazards/{made['id']}/photo").json()
    assert base64.b64decode(photo["photo"]) == JPEG
    assert ask(client, "POST", f"/hazards/{made['id']}", {"outcome": "fixed"}).json()["state"] == "closed"
    assert ask(client, "POST", "/duty", {"post": "north"}).json()["post"] == "north"
    assert ask(client, "DELETE", "/duty").json()["ended_ms"]
