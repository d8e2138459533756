from __future__ import annotations

import pytest

from motia import ConfigError, Motia, MotiaSettings


def test_settings_are_read_from_the_environment() -> None:
    environ = {"MOTIA_URL": "memory:", "MOTIA_STRICT_TOPICS": "true", "MOTIA_LEASE": "1.5", "PATH": "/bin"}
    settings = MotiaSettings.from_env(environ, threads=3)
    assert (settings.url, settings.strict_topics, settings.lease, settings.threads) == ("memory:", True, 1.5, 3)
    assert settings.body_limit == 1024 * 1024
    assert settings.payload_limit == 256 * 1024


def test_variables_of_the_tests_are_no_settings() -> None:
    assert MotiaSettings.from_env({"MOTIA_TEST_REDIS_URL": "redis://x", "MOTIA_TEST_AMQP_URL": "x"}) == MotiaSettings()


def test_origins_are_a_list_and_in_a_variable_text() -> None:
    given = MotiaSettings.from_env({"MOTIA_ALLOWED_ORIGINS": "https://a.example, https://b.example"})
    assert given.allowed_origins == ("https://a.example", "https://b.example")
    assert MotiaSettings(allowed_origins=["https://c.example"]).allowed_origins == ("https://c.example",)
    assert MotiaSettings().allowed_origins == ()


def test_names_are_read_in_any_case_with_or_without_the_prefix() -> None:
    assert MotiaSettings.from_mapping({"GRACE": 1, "motia_threads": 2, "lease": 3}).model_dump(
        include={"grace", "threads", "lease"}
    ) == {"grace": 1, "threads": 2, "lease": 3}


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"MOTIA_LEASES": "3"}, "unknown setting MOTIA_LEASES; did you mean 'MOTIA_LEASE'"),
        ({"MOTIA_LEASE": "soon"}, "setting MOTIA_LEASE: .* got 'soon'"),
        ({"MOTIA_ENV": "staging"}, "setting MOTIA_ENV: .*'development' or 'production'"),
        ({"MOTIA_STREAMS_PATH": "streams"}, "setting MOTIA_STREAMS_PATH: .*pattern.* got 'streams'"),
        ({"MOTIA_THREADS": "0"}, "setting MOTIA_THREADS: .*greater than or equal to 1"),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MotiaSettings.from_env(environ)
    with pytest.raises(ConfigError, match=message):
        MotiaSettings(**{name.removeprefix("MOTIA_").lower(): value for name, value in environ.items()})  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"MOTIA_ENV": "development"}, True),
        ({"MOTIA_ENV": "production"}, False),
        ({"MOTIA_TRACES": "true"}, True),
        ({"MOTIA_TRACES": "1", "MOTIA_ENV": "production"}, True),
        ({"MOTIA_TRACES": "false", "MOTIA_ENV": "development"}, False),
        ({"MOTIA_TRACES": "auto", "MOTIA_ENV": "development"}, True),
    ],
)
def test_runs_are_recorded_where_somebody_says_development(environ: dict[str, str], expected: bool) -> None:
    settings = MotiaSettings.from_env(environ)
    assert settings.is_recorded is expected
    assert Motia("memory:", settings=settings).with_settings(lease=5.0).settings.is_recorded is expected


def test_an_app_takes_settings_and_urls_as_such() -> None:
    with pytest.raises(ConfigError, match=r"settings expected MotiaSettings\(\.\.\.\), got \{'lease': 1\}"):
        Motia(settings={"lease": 1})  # type: ignore[arg-type]  # that is the test
    for name in ("url", "queue", "state", "streams"):
        with pytest.raises(ConfigError, match=f"{name} expected a URL such as 'sqlite:///motia.db', got 5"):
            Motia(**{name: 5})  # type: ignore[arg-type]  # that is the test
