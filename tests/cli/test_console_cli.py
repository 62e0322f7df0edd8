"""`edge-agent console`, and a profile and a recording: what is given in files, as editors on Windows write them."""

import tomllib
from pathlib import Path

import pytest
from cryptography import x509

from edge_agent.store.accounts import AccountStore, Session
from tests.command import ROOT, run

PASSWORD = "值班台的一个很长的密码"
CONFIG = '[gateway]\nid = "G0417"  # 北门\n\n[uplink]\nurl = "mqtt://127.0.0.1"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agent.toml").write_text(CONFIG, "utf-8")
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_password_out_of_a_file_is_the_one_that_is_typed(folder: Path, encoding: str) -> None:
    (folder / "password.txt").write_text(PASSWORD + "\r\n", encoding)
    done = run(folder, "console", "user", "add", "王芳", "--role", "guard", "--password-file", "password.txt")
    assert done.returncode == 0, done.stderr
    accounts = AccountStore(folder / "state/console.db")
    assert isinstance(accounts.sign_in("王芳", PASSWORD, "", "", 1), Session)
    accounts.close()


def test_a_password_file_that_is_not_there_is_told(folder: Path) -> None:
    done = run(folder, "console", "user", "add", "wang", "--role", "guard", "--password-file", "nowhere", lang="zh")
    assert (done.returncode, "nowhere: 无法读取文件" in done.stderr) == (1, True)


def test_setup_adds_its_section_also_below_one_that_is_commented_out(folder: Path) -> None:
    (folder / "agent.toml").write_text(f'{CONFIG}# [console]\n# listen = "0.0.0.0:8443"', "utf-8-sig")
    assert run(folder, "console", "setup", "--host", "127.0.0.1").returncode == 0
    text = (folder / "agent.toml").read_text("utf-8-sig")
    assert "console" in tomllib.loads(text)
    assert run(folder, "console", "setup").returncode == 0
    assert (folder / "agent.toml").read_text("utf-8-sig") == text, "once"


def test_setup_tells_a_file_it_cannot_read_and_makes_nothing(folder: Path) -> None:
    (folder / "agent.toml").write_text(CONFIG, "gb18030")
    done = run(folder, "console", "setup", lang="zh")
    assert (done.returncode, "GBK" in done.stderr) == (1, True)
    assert not (folder / "keys/console.pem").exists()


@pytest.mark.parametrize("host", ["https://gw", "gw:8443", "192.168.1.300", "a b", "", "x..y", "-gw", "x" * 64])
def test_setup_takes_no_name_that_a_browser_cannot_ask_for(folder: Path, host: str) -> None:
    done = run(folder, "console", "setup", "--host", host, lang="zh")
    assert (done.returncode, "不带 https://" in done.stderr) == (1, True)
    assert not (folder / "keys/console.pem").exists()


def test_a_name_in_chinese_is_in_the_certificate_as_browsers_ask_for_it(folder: Path) -> None:
    done = run(folder, "console", "setup", "--host", "网关.local", "--host", "gate_1", "--host", "192.0.2.7")
    assert done.returncode == 0, done.stderr
    certificate = x509.load_pem_x509_certificate((folder / "keys/console.pem").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName)[:2] == ["xn--d6q013i.local", "gate_1"]


def test_a_profile_and_a_recording_that_were_saved_with_a_mark_are_read(tmp_path: Path) -> None:
    profile = tmp_path / "device_profiles/scanners/gm65.toml"
    profile.parent.mkdir(parents=True)
    profile.write_text((ROOT / "device_profiles/scanners/gm65.toml").read_text("utf-8"), "utf-8-sig")
    assert run(tmp_path, "profile", "check", profile).returncode == 0
    (tmp_path / "c.txt").write_text("# edge-agent capture 1\n    0.000000 < 31 32 0D\n", "utf-8-sig")
    done = run(tmp_path, "device", "replay", "c.txt", "--fast", "--profile", "scanners/gm65")
    assert (done.returncode, "text=3132" in done.stdout) == (0, True)
