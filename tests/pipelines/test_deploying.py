"""What is in deploy/: checked by each thing's own tool, and by what must stay true."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from lectern.settings import Settings
from pipelines.health import worker_health
from resources.services import Services
from tests.support.client import Client
from tests.support.product import free_port
from tests.support.proxies import wait_for_port

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "Dockerfile"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MOST_EXPOSURE = 30  # of 100, as systemd counts; its own word for that is OK


def tool(name: str) -> str:
    """Return where a tool of our environment is, or skip."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    return str(path)


def checked(*command: str) -> str:
    """Carry a command out and return what it says; fail with that if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def stages() -> dict[str, list[tuple[str, str]]]:
    """Return the instructions of each stage of the Dockerfile, by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            name = rest.split(" AS ")[1]
            found[name] = []
        elif name:
            found[name].append((word, rest.strip()))
    return found


def compose() -> dict[str, Any]:
    """Return the compose file."""
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return content


def alerts() -> list[dict[str, Any]]:
    """Return the rules of the alerts."""
    content = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    rules: list[dict[str, Any]] = content["groups"][0]["rules"]
    return rules


SERVICES = sorted(compose()["services"])
FINAL_STAGES = ("light", "api", "kokoro")


def test_the_linter_of_dockerfiles_has_nothing_to_say():
    checked(tool("hadolint"), "-c", str(DEPLOY / "hadolint.yaml"), str(DOCKERFILE))


def test_an_image_gets_all_of_lectern_and_nothing_else_of_the_checkout():
    """The builder is sent nothing but what is let through by name."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {rule[1:] for rule in rules if rule.startswith("!")}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]
    wheel = build["build"]["targets"]["wheel"]

    assert rules[1] == "*"
    assert kept >= {*wheel["packages"], *wheel["shared-data"], "pyproject.toml"}
    assert not kept & {"deploy", ".git", "tests", "deploy/lectern.env"}


def test_everything_that_is_copied_by_name_exists_and_reaches_the_builder():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [
        source
        for instructions in stages().values()
        for word, rest in instructions
        if word == "COPY" and not rest.startswith("--from") and rest != ". ."
        for source in rest.split()[:-1]
    ]

    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in kept, source


def test_the_interpreters_of_code_locations_are_in_the_image():
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for entry in yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]:
        path = entry["python_module"].get("executable_path")
        if path is not None and not path.startswith("/"):
            assert f"!{Path(path).parts[0]}" in kept


@pytest.mark.parametrize("stage", FINAL_STAGES)
def test_an_image_runs_as_somebody_who_is_not_root_and_is_asked_how_it_is(stage):
    instructions = dict(stages()[stage])

    assert instructions["USER"] == "10001:10001"
    assert "pipelines.health" in instructions["HEALTHCHECK"]
    assert instructions["CMD"].startswith('["lectern"')


def test_the_question_of_how_it_is_has_an_answer_when_nothing_runs():
    assert importlib.util.find_spec("pipelines.health") is not None
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.health"],
        env=os.environ | {"LECTERN_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "does not answer" in done.stdout


@pytest.fixture
def redis() -> Iterator[str]:
    """Yield the address of a real Redis, with a password."""
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis server (Debian: redis-server)")
    port = free_port()
    options = ["--port", str(port), "--save", "", "--requirepass", "sesame"]
    server = subprocess.Popen(
        ["redis-server", *options], stdout=subprocess.DEVNULL, cwd="/"
    )
    wait_for_port(port, server, Path("/dev/null"))
    yield f"redis://:sesame@127.0.0.1:{port}/0"
    server.terminate()
    server.wait(30)


def test_a_worker_is_well_while_its_database_and_its_broker_answer(settings, redis):
    pytest.importorskip("redis")
    Services.open(settings).close()
    asked = settings.model_copy(update={"broker_url": SecretStr(redis)})
    wrong = SecretStr(redis.replace("sesame", "open"))
    refused = settings.model_copy(update={"broker_url": wrong})
    is_well, _ = worker_health(asked)
    is_let_in, said = worker_health(refused)

    assert is_well
    assert not is_let_in
    assert ":open@" not in said


def test_a_worker_without_its_broker_says_so_and_not_the_password(settings):
    pytest.importorskip("redis")
    away = SecretStr(f"redis://:sesame@127.0.0.1:{free_port()}/0")
    is_well, said = worker_health(settings.model_copy(update={"broker_url": away}))

    assert not is_well
    assert "broker does not answer" in said
    assert "sesame" not in said


@pytest.mark.parametrize("name", ["compose.yaml", "compose.outside.yaml"])
def test_compose_files_follow_the_specification(name):
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]

    assert "ok" in checked(*command, str(DEPLOY / name))


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_rights_that_it_does_not_need(name):
    service = compose()["services"][name]
    user = service["user"].split(":")[0]
    mounted = str(service.get("volumes", []))

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert user.isdigit()
    assert user != "0"
    assert "docker.sock" not in mounted
    for forbidden in ("privileged", "cap_add", "pid", "network_mode", "ipc"):
        assert forbidden not in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_limited_and_watched(name):
    service = compose()["services"][name]
    limits = service["deploy"]["resources"]["limits"]

    assert {"cpus", "memory", "pids"} <= set(limits)
    assert "test" in service["healthcheck"]
    assert service["restart"] == "unless-stopped"


def test_only_the_web_server_in_front_is_published():
    published = {n for n, one in compose()["services"].items() if "ports" in one}

    assert published == {"proxy"}


def test_the_stores_are_reached_by_lectern_alone_and_nothing_reaches_out():
    content = compose()
    services, networks = content["services"], content["networks"]
    outward = {name for name, one in networks.items() if not one.get("internal")}

    assert outward == {"public"}
    assert [n for n in SERVICES if outward & set(services[n]["networks"])] == ["proxy"]
    for store in ("postgres", "redis"):
        assert services[store]["networks"] == ["data"]
    assert not set(services["proxy"]["networks"]) & {"data"}


def test_no_secret_stands_in_the_compose_file_or_in_an_environment():
    text = (DEPLOY / "compose.yaml").read_text()
    environments = [
        one.get("environment", {}) for one in compose()["services"].values()
    ]
    names = {name for environment in environments for name in environment}

    assert "POSTGRES_PASSWORD:" not in text
    assert not {n for n in names if n.endswith(("PASSWORD", "KEY", "TOKEN"))}


def test_the_example_of_settings_holds_settings(tmp_path, monkeypatch):
    example = (DEPLOY / "lectern.env.example").read_text()
    every = re.sub(r"(?m)^# (LECTERN_)", r"\1", example)
    lines = [line for line in every.splitlines() if line.startswith("LECTERN_")]
    (tmp_path / "lectern.env").write_text("\n".join(lines))

    settings = Settings(_env_file=tmp_path / "lectern.env")

    assert settings.proxy.app_address == "lectern:8710"
    assert settings.trusted_hosts == ("lectern.example.org",)


@pytest.fixture
def installed_units(tmp_path: Path) -> list[str]:
    """Return the units with the program where this machine has it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    program = Path(sys.executable).with_name("lectern")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/lectern/.venv/bin/lectern", str(program))
        (tmp_path / unit.name).write_text(text)
    return [str(path) for path in sorted(tmp_path.glob("*.service"))]


def test_systemd_understands_every_line_of_the_units(installed_units):
    said = checked("systemd-analyze", "verify", "--man=no", *installed_units)

    ours = [line for line in said.splitlines() if "lectern" in line]
    assert not ours


@pytest.mark.parametrize("name", [unit.name for unit in UNITS])
def test_systemd_finds_a_unit_little_exposed(installed_units, name):
    path = next(unit for unit in installed_units if unit.endswith(name))
    command = ["systemd-analyze", "security", "--offline=true"]

    checked(*command, f"--threshold={MOST_EXPOSURE}", path)


def promtool() -> str:
    """Return Prometheus's own tool, or skip."""
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return path


def test_each_alert_fires_when_it_should_and_not_before():
    checked(promtool(), "test", "rules", str(DEPLOY / "alerts_test.yml"))


@pytest.mark.drill
@pytest.mark.parametrize("number", range(len(alerts())))
def test_the_tests_of_alerts_miss_each_that_is_taken_away(number, tmp_path):
    """Whoever tests the alerts is tested too."""
    content = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
    del content["groups"][0]["rules"][number]
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(content))
    shutil.copy(DEPLOY / "alerts_test.yml", tmp_path)
    command = [promtool(), "test", "rules", str(tmp_path / "alerts_test.yml")]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_every_alert_says_what_to_do():
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "warn")
        assert {"summary", "action"} == set(rule["annotations"])


@pytest.mark.drill
def test_lectern_works_without_root_rights_and_cannot_write_but_to_its_data(tmp_path):
    """As in its container: another user's id, no capability, a read-only root."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    port = free_port()
    confined = ["bwrap", "--unshare-user", "--uid", "10001", "--gid", "10001"]
    confined += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev"]
    confined += ["--proc", "/proc", "--tmpfs", "/tmp", "--chdir", "/"]
    confined += ["--bind", str(tmp_path), str(tmp_path), "--die-with-parent"]
    environment = os.environ | {
        "LECTERN_DATA_DIR": str(tmp_path / "data"),
        "LECTERN_PORT": str(port),
        "LECTERN_DAGSTER_PORT": str(free_port()),
        "LECTERN_DISK_RESERVE_BYTES": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (tmp_path / "log").open("wb") as log:
        serving = subprocess.Popen(
            [*confined, str(Path(sys.executable).with_name("lectern")), "serve"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        health = [sys.executable, "-m", "pipelines.health"]
        deadline = time.monotonic() + 240
        while subprocess.run(health, env=environment, check=False).returncode:
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            assert serving.poll() is None, (tmp_path / "log").read_text()
            time.sleep(1)
        with Client(f"http://127.0.0.1:{port}") as person:
            document = person.upload("a.txt", b"These few words are spoken aloud.")
            manifest = person.when_ready(document)
            sound = person.first_sound(document, manifest)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(60)

    assert sound.startswith(b"OggS")
