"""The connection doctor finds what is wrong, says what to do, and tells nobody the key."""

import re
import socket
import time
from pathlib import Path

import pytest
from generio_flows.api.check import NO_FLOW
from generio_flows.api.doctor import Finding, examine, report

from tests.sandbox import Sandbox
from tests.unit.api.scripted import KEY, Answer, Asked, Server, answer, closed_port

pytestmark = pytest.mark.slow

CHECKS = [
    "Online access",
    "Address",
    "DNS Lookup",
    "Proxy",
    "Certificates",
    "Connection",
    "API key",
    "Service",
    "Upload",
]


@pytest.fixture(autouse=True)
def no_settings_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "https_proxy",
        "HTTPS_PROXY",
        "http_proxy",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


def examined(url: str, key: str = KEY, online: bool = True) -> list[Finding]:
    findings: list[Finding] = []
    examine(url, key, online, findings.append)
    return findings


def the_problem(findings: list[Finding]) -> Finding:
    (problem,) = [finding for finding in findings if finding.verdict == "problem"]
    assert problem.fix
    assert all(finding.verdict == "skipped" for finding in findings[findings.index(problem) + 1 :])
    return problem


@pytest.mark.parametrize("profile", ["reference", "quickstart"])
def test_all_is_well_and_nothing_was_made(profile: str) -> None:
    with Sandbox(profile=profile) as sandbox:
        findings = examined(sandbox.url, sandbox.key)
        assert [finding.check for finding in findings] == CHECKS
        assert {finding.verdict for finding in findings} == {"ok"}, findings
        assert "B/s" in findings[-1].message
        assert sandbox.stats()["flows"] == {}


def test_a_key_that_is_refused() -> None:
    with Sandbox() as sandbox:
        problem = the_problem(examined(sandbox.url, "wrong"))
    assert (problem.check, problem.remedy) == ("API key", "enter_key")


@pytest.mark.parametrize(
    ("url", "key", "online", "check", "remedy"),
    [
        ("https://flows.generio.ai", KEY, False, "Online access", "go_online"),
        ("http://flows.example", KEY, True, "Address", "check_address"),
        ("nonsense", KEY, True, "Address", "check_address"),
        ("https://nothing.invalid", KEY, True, "DNS Lookup", "check_address"),
        ("http://127.0.0.1:{closed}", KEY, True, "Connection", "check_address"),
    ],
)
def test_what_may_be_wrong_before_the_key(url: str, key: str, online: bool, check: str, remedy: str) -> None:
    problem = the_problem(examined(url.format(closed=closed_port()), key, online))
    assert (problem.check, problem.remedy) == (check, remedy)


@pytest.mark.parametrize("key", ["", "with a blank"])
def test_what_may_be_wrong_with_the_key(server: Server, key: str) -> None:
    problem = the_problem(examined(server.url, key))
    assert (problem.check, problem.remedy) == ("API key", "enter_key")


def test_the_service_has_a_problem(server: Server) -> None:
    server.on("GET", "/templates", answer("down", 503))
    assert the_problem(examined(server.url)).check == "Service"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates(secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    problem = the_problem(examined(secure[0]))
    assert problem.check == "Connection"
    assert "REQUESTS_CA_BUNDLE" in problem.fix
    monkeypatch.setenv(variable, str(secure[1]))
    findings = {finding.check: finding for finding in examined(secure[0])}
    assert variable in findings["Certificates"].message
    assert "proved" in findings["Connection"].message
    monkeypatch.setenv(variable, str(secure[1]) + ".gone")
    problem = the_problem(examined(secure[0]))
    assert (problem.check, problem.remedy) == ("Certificates", ""), "Blender cannot mend it"
    monkeypatch.delenv(variable)
    monkeypatch.setattr("requests.utils.DEFAULT_CA_BUNDLE_PATH", str(secure[1]) + ".gone")
    problem = the_problem(examined(secure[0]))
    assert (problem.fix, problem.remedy) == ("Install Blender again.", "")


@pytest.mark.parametrize("content", ["", "rubbish", "-----BEGIN CERTIFICATE-----\nrubbish\n"])
def test_damaged_certificates_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "certificates.pem"
    file.write_text(content)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(file))
    problem = the_problem(examined(f"http://127.0.0.1:{closed_port()}"))
    assert (problem.check, problem.remedy) == ("Certificates", "")
    assert "damaged" in problem.message
    assert "CURL_CA_BUNDLE" in problem.message + problem.fix
    monkeypatch.delenv("CURL_CA_BUNDLE")
    monkeypatch.setattr("requests.utils.DEFAULT_CA_BUNDLE_PATH", str(file))
    problem = the_problem(examined(f"http://127.0.0.1:{closed_port()}"))
    assert (problem.fix, problem.remedy) == ("Install Blender again.", "")


def test_a_folder_of_certificates_can_be_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    findings = examined(f"http://127.0.0.1:{closed_port()}")
    (certificates,) = [finding for finding in findings if finding.check == "Certificates"]
    assert certificates.verdict == "ok"


def test_a_slow_upload_leads_to_the_size_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generio_flows.api.doctor.SLOW", 1e12)
    with Sandbox() as sandbox:
        slow = examined(sandbox.url, sandbox.key)[-1]
    assert (slow.check, slow.verdict, slow.remedy) == ("Upload", "warning", "open_preferences")


def test_kinds_of_addresses_are_told_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would have to be translated."""

    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET6,), (socket.AF_INET,)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    (name,) = [
        found for found in examined(f"http://127.0.0.1:{closed_port()}") if found.check == "DNS Lookup"
    ]
    assert name.message.endswith("(IPv4, IPv6).")


INPUTS = f"/flows/{NO_FLOW}/inputs"


@pytest.mark.parametrize("status", [404, 405, 409, 422])
def test_a_refusal_after_the_upload_is_what_was_to_come(server: Server, status: int) -> None:
    server.on("GET", "/templates", answer([]))
    server.on("POST", INPUTS, answer(None, status))
    upload = examined(server.url)[-1]
    assert (upload.check, upload.verdict) == ("Upload", "ok")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(302, "check_address"), (403, "enter_key"), (413, "edit_input"), (429, "retry"), (502, "retry")],
)
def test_what_stands_in_the_way_of_uploads_is_told(server: Server, status: int, remedy: str) -> None:
    server.on("GET", "/templates", answer([]))
    server.on("POST", INPUTS, answer(None, status))
    upload = examined(server.url)[-1]
    assert (upload.check, upload.verdict, upload.remedy) == ("Upload", "warning", remedy)
    assert upload.fix
    assert "B/s" not in upload.message


def test_an_upload_lasts_until_it_is_answered(server: Server) -> None:
    def slowly(_asked: Asked) -> Answer:
        time.sleep(0.5)
        return answer(None, 404)

    server.on("GET", "/templates", answer([]))
    server.on("POST", INPUTS, slowly)
    told = re.fullmatch(r"About (\d+|0\.\d) (MB|kB)/s\.", examined(server.url)[-1].message)
    assert told
    assert told[2] == "kB" or float(told[1]) <= 0.5, "the socket's buffer took it at once"


def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://jane:secret@127.0.0.1:{closed_port()}")
    findings = examined("https://flows.example")
    named = next(finding for finding in findings if finding.check == "Proxy")
    assert "127.0.0.1:" in named.message
    assert the_problem(findings).check == "Connection"
    text = report(findings, KEY, "4.2.0")
    assert "secret" not in text
    assert "jane" not in text


@pytest.mark.parametrize("password", ["4711#x", "pa/ss", "a?b", "p@ss", "[x", "//x:y"])
def test_no_part_of_a_password_is_taken_for_the_proxy(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setenv("https_proxy", f"http://anna:{password}@127.0.0.1:1")
    (named,) = [finding for finding in examined("https://flows.example") if finding.check == "Proxy"]
    assert (named.verdict, named.message) == ("ok", "127.0.0.1:1 is used.")


@pytest.mark.parametrize("proxy", ["http://[proxy", "http://proxy:port", "http://"])
def test_a_proxy_without_a_name_is_one_all_the_same(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    (named,) = [finding for finding in examined("https://flows.example") if finding.check == "Proxy"]
    assert (named.verdict, named.message) == ("ok", "A proxy is used.")


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy"])
def test_a_proxy_for_all_is_one_for_the_service(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    port = closed_port()
    monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    findings = examined("https://nothing.invalid")
    said = {finding.check: finding for finding in findings}
    assert said["DNS Lookup"].verdict == "skipped"
    assert said["Proxy"].message == f"127.0.0.1:{port} is used."
    assert "proxy" in the_problem(findings).message


@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:1080", "gopher://127.0.0.1:70", "http://"])
def test_a_proxy_that_cannot_be_used_is_to_blame(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    problem = the_problem(examined("https://flows.example"))
    assert (problem.check, problem.remedy) == ("Connection", "check_address")
    assert "proxy setting" in problem.message


def test_the_report_holds_everything_but_the_key() -> None:
    text = report([Finding("Service", "warning", f"It repeats {KEY}.", "Mend it.")], f" {KEY} ", "4.2.0")
    assert "[warning] Service: It repeats •••. Mend it." in text
    assert "Blender 4.2.0" in text
    assert KEY not in text
