"""What an operator of the city sees and a script gets: in both languages, at 60 columns, from either database."""

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from edge_agent.city.rows import CityRow, KnownGateway
from edge_agent.city.store import CityStore
from edge_agent.cli import group
from edge_agent.cli.city_look import instant_ms
from edge_agent.contract.checkpoint import sign_checkpoint
from edge_agent.contract.envelope import chain_hash
from edge_agent.contract.signatures import PrivateKey, new_key, save_public
from edge_agent.errors import EdgeAgentError
from edge_agent.model.events import AccessGranted, GapAnnounced, encode_event
from tests.city.test_city_store import EPOCH, OTHER, SOURCE, stream

NOW = 1_780_000_000_000


def call(place: Path | str, *arguments: str, lang: str = "en", columns: int = 60) -> Result:
    runner = CliRunner(env={"COLUMNS": str(columns), "EDGE_AGENT_CITY_DB": str(place)})
    return runner.invoke(group, ["--lang", lang, "city", *arguments])


def filled(place: Path | str, rows: list[CityRow], last: int = 0, first: int = 1) -> None:
    with closing(CityStore(place)) as store:
        store.remember(
            KnownGateway(
                source=SOURCE, epoch=EPOCH, boot_id="b", up_ms=1, heard_ms=NOW, bdseq=1, state="online",
                agent="0.1.0", last=last, first=first,
            )
        )  # fmt: skip
        store.store(rows)


def granted(row: CityRow) -> CityRow:
    event = AccessGranted(
        door="north-gate", direction="in", person="p-5f2c", category="resident", how=("card",), rule="=cmd|' /C calc'"
    )
    return msgspec.structs.replace(row, tag=event.tag, subject=event.subject, body=encode_event(event))


def test_gateways_and_what_they_still_have(place: Path | str) -> None:
    """One line each, whole at 60 columns."""
    rows = stream(10)
    filled(place, [*rows[:4], rows[6]], last=12)
    told = call(place, "gateways")
    assert told.exit_code == 0, told.output
    assert all(len(line) <= 60 for line in told.output.splitlines())
    assert told.output.splitlines()[1].split() == ["G1", "online", *told.output.splitlines()[1].split()[2:-2], "5", "7"]
    assert "在线" in call(place, "gateways", lang="zh").output


def test_a_whole_stream_verifies(place: Path | str) -> None:
    """Also with an announced gap, and with a backlog that is still to come."""
    rows = stream(9)
    gap = GapAnnounced(epoch=EPOCH, from_seq=3, to_seq=3, why="refused")
    body = encode_event(gap)
    announced = msgspec.structs.replace(rows[8], tag=gap.tag, body=body, covers=(EPOCH, 3, 3))
    filled(place, [*rows[:2], *rows[3:6], announced], last=12)
    told = call(place, "verify", "G1")
    assert told.exit_code == 0, told.output
    assert "6 events, 1 to 9" in told.output
    assert "3–3: announced as lost (refused)" in told.output
    assert "5 more are in the gateway's journal" in told.output  # 7, 8 and 10 to 12
    assert "链条完整" in call(place, "verify", "G1", lang="zh").output


def test_what_is_wrong_is_found_and_told(place: Path | str) -> None:
    """A hole that cannot be filled any more, a changed event, a changed database, a second event under one number."""
    rows = stream(20)
    forged = msgspec.structs.replace(rows[9], body=b'{"door":"forged"}')
    filled(place, [*rows[5:9], forged, *rows[10:]], first=4, last=20)
    with closing(CityStore(place)) as store:
        store.store([msgspec.structs.replace(rows[15], body=b'{"door":"twin"}')])
        store._db.execute('UPDATE events SET body = \'{"door":"x"}\' WHERE seq = 20')
    told = call(place, "verify", "G1")
    assert told.exit_code == 1, told.output
    assert "1–3: missing, and not announced" in told.output
    assert "11: does not follow" in told.output
    assert "20: was changed in this database" in told.output
    assert "16: two different events" in told.output
    assert "4 findings" in told.output
    assert "2 more are" in told.output


def test_an_unknown_gateway_is_answered_with_those_there_are(place: Path | str) -> None:
    filled(place, stream(1))
    told = call(place, "verify", "G9")
    assert isinstance(told.exception, EdgeAgentError)
    assert "G1" in told.exception.text("en")
    assert "G1" in told.exception.text("zh")


def test_export(place: Path | str) -> None:
    """JSON lines and CSV hold the same; a cell that a spreadsheet would run is defused."""
    filled(place, [granted(row) for row in stream(3)])
    lines = [json.loads(line) for line in call(place, "export").output.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert lines[0]["data"]["person"] == "p-5f2c"
    assert (lines[0]["gateway"], lines[0]["time"], lines[0]["chain"]) == ("G1", "2026-05-04T07:01:12.345Z", "ok")
    table = list(csv.DictReader(io.StringIO(call(place, "export", "--format", "csv").output)))
    assert [(row["seq"], json.loads(row["data"])) for row in table] == [(str(x["seq"]), x["data"]) for x in lines]
    assert not any(str(cell)[:1] in "=+-@" for row in table for cell in row.values() if cell)
    assert call(place, "export", "--since", "0m").output == ""


def test_a_start_of_an_export() -> None:
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert instant_ms("90m", now) == int(datetime(2026, 5, 4, 10, 30, tzinfo=UTC).timestamp() * 1000)
    assert instant_ms("2026-05-04", now) == int(datetime(2026, 5, 4, tzinfo=UTC).timestamp() * 1000)
    assert instant_ms("2026-05-04T08:00+08:00", now) == int(datetime(2026, 5, 4, tzinfo=UTC).timestamp() * 1000)
    for wrong in ("", "yesterday", "99999999999999d", "-5m"):
        with pytest.raises(EdgeAgentError) as caught:
            instant_ms(wrong, now)
        assert caught.value.code == "city.bad_since"


@pytest.mark.parametrize(("lang", "word"), [("en", "granted"), ("zh", "放行")])
@pytest.mark.parametrize("columns", [60, 120])
def test_watch_shows_gateways_and_events(place: Path | str, lang: str, word: str, columns: int) -> None:
    """In the operator's words and within the terminal; other streams, broken chains and unknown tags beside them."""
    rows = stream(4)
    strange = msgspec.structs.replace(rows[2], tag="lift.stuck")
    other = [
        msgspec.structs.replace(row, source="urn:sc:gw:a-gateway-with-a-long-name") for row in stream(2, epoch=OTHER)
    ]
    filled(place, [granted(rows[0]), rows[1], strange, *other])
    told = call(place, "watch", "--once", lang=lang, columns=columns)
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert "G1" in told.output
    assert word in told.output
    assert "lift.stuck" in told.output
    assert "!" in told.output  # event 2 does not follow the event that took the place of event 1
    from rich.cells import cell_len

    assert max(map(cell_len, lines)) <= columns


def test_a_database_without_gateways(place: Path | str) -> None:
    CityStore(place).close()
    for command in (["gateways"], ["watch", "--once"]):
        told = call(place, *command)
        assert told.exit_code == 0, told.output
        assert "no gateway" in told.output


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """Looking makes no file."""
    told = call(tmp_path / "none.db", "gateways")
    assert isinstance(told.exception, EdgeAgentError)
    assert not (tmp_path / "none.db").exists()


def test_arguments_that_are_no_json(tmp_path: Path) -> None:
    wrong = ["send", "G1", "grant", "--issuer", "a", "--broker", "mqtt://127.0.0.1:1", "--args", "for_s=60"]
    told = call(tmp_path / "city.db", *wrong)
    assert isinstance(told.exception, EdgeAgentError)
    assert '{"for_s": 60}' in told.exception.text("en")


def vouched(place: Path | str, rows: list[CityRow], key: PrivateKey, seq: int) -> None:
    with closing(CityStore(place)) as store:
        own = chain_hash(rows[seq - 1].prev, rows[seq - 1].body, seq)
        store.vouched(SOURCE, EPOCH, seq, sign_checkpoint("G1", EPOCH, seq, own, False, key))


def test_a_cut_off_end_is_found(place: Path | str, tmp_path: Path) -> None:
    """By what was acknowledged, and when an older copy of all tables was put back, by what the gateway signed."""
    rows, key = stream(12), new_key()
    (tmp_path / "gateways").mkdir()
    save_public(tmp_path / "gateways/G1.pub", key.public_key())
    folder = ("--folder", str(tmp_path))
    filled(place, rows[:10], last=12)
    vouched(place, rows, key, 9)
    vouched(place, rows, key, 8)  # a late one changes nothing
    told = call(place, "verify", *folder, "G1")
    assert told.exit_code == 0, told.output
    assert "up to event 9" in told.output
    assert "2 more are in the gateway's journal" in told.output
    with closing(CityStore(place)) as store:
        store._db.execute("DELETE FROM events WHERE seq IN (4, 9, 10)")
    told = call(place, "verify", *folder, "G1")
    assert told.exit_code == 1
    assert "4–4: missing, and not announced" in told.output
    assert "9–10: acknowledged, and cut off here" in told.output
    assert "2 more are in the gateway's journal" in told.output
    with closing(CityStore(place)) as store:
        store._db.execute("UPDATE watermarks SET upto = 8")
        store.store([rows[3]])
    told = call(place, "verify", *folder, "G1")
    assert told.exit_code == 1
    assert "9–9: acknowledged, and cut off here" in told.output
    assert "截断" in call(place, "verify", *folder, "G1", lang="zh").output


def test_a_rewritten_end_is_found(place: Path | str, tmp_path: Path) -> None:
    """A chain that was computed anew fits in itself, and not to the gateway's word; nor can that be replaced."""
    key, folder = new_key(), ("--folder", str(tmp_path))
    filled(place, stream(6))
    (tmp_path / "gateways").mkdir()
    save_public(tmp_path / "gateways/G1.pub", key.public_key())
    with closing(CityStore(place)) as store:
        store.vouched(SOURCE, EPOCH, 6, sign_checkpoint("G1", EPOCH, 6, bytes(32), False, key))
    told = call(place, "verify", *folder, "G1")
    assert told.exit_code == 1
    assert "6: is another event than the gateway signed" in told.output
    vouched(place, stream(6), new_key(), 6)
    told = call(place, "verify", *folder, "G1")
    assert told.exit_code == 1
    assert "not signed by this gateway" in told.output
    (tmp_path / "gateways/G1.pub").unlink()
    assert "no key of this gateway" in call(place, "verify", *folder, "G1").output
