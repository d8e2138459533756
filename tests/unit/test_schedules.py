"""What a cron expression means, told by its ticks."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from motia.errors import ConfigError
from motia.schedules import Schedule

HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(expression: str, start: str, end: str, timezone: str = "UTC") -> list[str]:
    """Ticks in UTC from ``start``, included, to ``end``."""
    found = Schedule.parse(expression, timezone).ticks_between(at(start) - HOUR / 3600, at(end), 10_000)
    return [f"{tick:%m-%d %H:%M:%S}".removesuffix(":00") for tick in found]


def days(expression: str, month: str = "2026-02") -> list[int]:
    """The days of a month of 28 days, which begins on a Sunday, at which an expression of 5 fields fires."""
    found = Schedule.parse(expression).ticks_between(at(f"{month}-01") - HOUR / 3600, at(f"{month}-28T23:59"), 10_000)
    return sorted({tick.day for tick in found})


@pytest.mark.parametrize(
    ("field", "minutes"),
    [
        ("5", [5]),
        ("05", [5]),
        ("5-5", [5]),
        ("5,5,7", [5, 7]),
        ("1-4", [1, 2, 3, 4]),
        ("*/15", [0, 15, 30, 45]),
        ("0/15", [0, 15, 30, 45]),
        ("5/15", [5, 20, 35, 50]),
        ("59/15", [59]),
        ("10-30/10", [10, 20, 30]),
        ("10-12,40/10", [10, 11, 12, 40, 50]),
        ("58-1", [0, 1, 58, 59]),
        ("50-10/10", [0, 10, 50]),
        ("*/60", [0]),
        ("*", list(range(60))),
        ("0-59", list(range(60))),
    ],
)
def test_a_field_is_a_list_of_numbers_ranges_and_steps(field: str, minutes: list[int]) -> None:
    found = Schedule.parse(f"{field} 9 * * *").ticks_between(at("2026-02-01"), at("2026-02-02"), 100)
    assert [tick.minute for tick in found] == minutes


def test_a_step_from_an_hour_goes_on_to_the_end_of_the_day() -> None:
    found = Schedule.parse("0 6/1 * * *").ticks_between(at("2026-02-01"), at("2026-02-02") - HOUR / 60, 100)
    assert [tick.hour for tick in found] == list(range(6, 24))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("0", [1, 8, 15, 22]),
        ("7", [1, 8, 15, 22]),
        ("SUN", [1, 8, 15, 22]),
        ("1", [2, 9, 16, 23]),
        ("mon", [2, 9, 16, 23]),
        ("5-7", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28]),
        ("Fri-Mon", [1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28]),
        ("0-7", list(range(1, 29))),
        ("1/2", [2, 4, 6, 9, 11, 13, 16, 18, 20, 23, 25, 27]),
        ("MON/2", [2, 4, 6, 9, 11, 13, 16, 18, 20, 23, 25, 27]),
        ("FRI#2", [13]),
        ("5#2,MON", [2, 9, 13, 16, 23]),
        ("7#1", [1]),
    ],
)
def test_weekdays_are_posix_and_have_names(field: str, expected: list[int]) -> None:
    assert days(f"0 9 * * {field}") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 9 13 * FRI", [6, 13, 20, 27]),
        ("0 9 1,15 * MON", [1, 2, 9, 15, 16, 23]),
        ("0 9 15 * *", [15]),
        ("0 9 * * MON", [2, 9, 16, 23]),
        ("0 9 ? * MON", [2, 9, 16, 23]),
        ("0 9 15 * ?", [15]),
        ("0 9 */2 * MON", [9, 23]),
        ("0 9 1-7 * */6", [1, 7]),
        ("0 9 1-31 * MON", list(range(1, 29))),
        ("0 9 L * *", [28]),
        ("0 9 L,15 * *", [15, 28]),
        ("0 9 L * MON", [2, 9, 16, 23, 28]),
        ("0 9 27-2 * *", [1, 2, 27, 28]),
    ],
)
def test_two_restricted_day_fields_mean_either_and_a_starred_one_means_both(
    expression: str, expected: list[int]
) -> None:
    assert days(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 4 1 jan *", ["2026-01-01 04:30:00", "2027-01-01 04:30:00"]),
        ("15 30 4 1 1 *", ["2026-01-01 04:30:15", "2027-01-01 04:30:15"]),
        ("15 30 4 1 1 * 2027-2028", ["2027-01-01 04:30:15", "2028-01-01 04:30:15"]),
        ("0 */20 4 1 1 * 2030", ["2030-01-01 04:00:00", "2030-01-01 04:20:00"]),
        ("0 0 0 1 1 * 2099", ["2099-01-01 00:00:00"]),
        ("59 23 31 12 *", ["2025-12-31 23:59:00", "2026-12-31 23:59:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("0 0 29 2 */7", ["2032-02-29 00:00:00", "2060-02-29 00:00:00"]),
        ("0 0 31 * *", ["2025-12-31 00:00:00", "2026-01-31 00:00:00"]),
        ("@yearly", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"]),
        ("@annually", ["2026-01-01 00:00:00", "2027-01-01 00:00:00"]),
        ("@monthly", ["2026-01-01 00:00:00", "2026-02-01 00:00:00"]),
        ("@weekly", ["2026-01-04 00:00:00", "2026-01-11 00:00:00"]),
        ("@Daily", ["2025-12-31 00:00:00", "2026-01-01 00:00:00"]),
        ("@midnight", ["2025-12-31 00:00:00", "2026-01-01 00:00:00"]),
        ("  @hourly ", ["2025-12-30 13:00:00", "2025-12-30 14:00:00"]),
    ],
)
def test_fields_are_counted_and_shortcuts_are_known(expression: str, expected: list[str]) -> None:
    found = Schedule.parse(expression).ticks_between(at("2025-12-30T12:00"), at("2099-12-31"), 2)
    assert [f"{tick:%Y-%m-%d %H:%M:%S}" for tick in found] == expected


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("61 * * * *", ["'61' in the minute field", "expected 0-59"]),
        ("* 24 * * *", ["'24' in the hour field", "expected 0-23"]),
        ("* * 0 * *", ["'0' in the day of month field", "expected 1-31"]),
        ("* * * 13 *", ["'13' in the month field", "expected 1-12 or JAN-DEC"]),
        ("* * * * 8", ["'8' in the day of week field", "expected 0-7 or SUN-SAT"]),
        ("60 * * * * *", ["'60' in the second field"]),
        ("0 0 0 1 1 * 1969", ["'1969' in the year field", "expected 1970-2099"]),
        ("0 0 0 1 1 * 2030-2020", ["'2030-2020' in the year field", "do not come round"]),
        ("* * * * mond", ["'MOND' in the day of week field", "did you mean 'MON'?"]),
        ("*/0 * * * *", ["'*/0' in the minute field", "a step is 1-60"]),
        ("*/90 * * * *", ["'*/90' in the minute field", "a step is 1-60"]),
        ("R * * * *", ["'R' in the minute field"]),
        ("H * * * *", ["'H' in the minute field"]),
        ("? * * * *", ["'?' in the minute field"]),
        ("0 0 1W * *", ["'1W' in the day of month field"]),
        ("0 0 * * L5", ["'L5' in the day of week field"]),
        ("0 0 * * 5#6", ["'5#6' in the day of week field"]),
        ("5, * * * *", ["'' in the minute field"]),
        ("-5 * * * *", ["'-5' in the minute field"]),
        ("*-5 * * * *", ["'*-5' in the minute field"]),
        ("1.5 * * * *", ["'1.5' in the minute field"]),
        ("٣ * * * *", ["'٣' in the minute field"]),
        ("* * * *", ["4 fields", "expected 5 (minute hour day month weekday", "6 (second first)", "7 (second first"]),
        ("5", ["1 field;"]),
        ("0 0 0 1 1 * 2030 x", ["8 fields"]),
        ("@dayly", ["unknown cron shortcut '@dayly'", "did you mean '@daily'?"]),
        ("@reboot", ["unknown cron shortcut '@reboot'", "@hourly"]),
        ("", ["expected a cron expression such as '*/5 * * * *', got ''"]),
        ("   ", ["expected a cron expression"]),
        (None, ["expected a cron expression", "got None"]),
        ("0 0 30 2 *", ["'0 0 30 2 *'", "would never fire"]),
        ("0 0 31 4,6,9,11 *", ["would never fire"]),
        ("0 0 0 29 2 * 2027", ["would never fire"]),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_field_at_fault(expression: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        Schedule.parse(expression)
    assert [word for word in words if word not in str(error.value)] == [], str(error.value)


@pytest.mark.parametrize(
    ("timezone", "words"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("xx", "IANA"),
        ("", "got ''"),
        ("../etc/passwd", "expected an IANA time zone"),
        ("Europe", "expected an IANA time zone"),
        (None, "got None"),
    ],
)
def test_a_time_zone_that_is_none_is_refused(timezone: str, words: str) -> None:
    with pytest.raises(ConfigError, match="expected an IANA time zone such as 'Europe/Berlin'") as error:
        Schedule.parse("* * * * *", timezone)
    assert words in str(error.value)
    assert len(str(error.value)) < 300


def test_utc_needs_no_time_zone_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motia.schedules.ZoneInfo", lambda name: ZoneInfo("No/Such"))
    monkeypatch.setattr("motia.schedules.available_timezones", set)
    assert Schedule.parse("* * * * *").next_after(0.0) == at("1970-01-01T00:01")
    with pytest.raises(ConfigError, match="install tzdata"):
        Schedule.parse("* * * * *", "Europe/Berlin")


class TestClockChanges:
    """Berlin goes to +2 on 29 March 2026 at 01:00 UTC, skipping 02:00-03:00, and back on 25 October at 01:00 UTC."""

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("30 1 * * *", ["03-29 00:30"]),
            ("0 2 * * *", ["03-29 01:00"]),
            ("30 2 * * *", ["03-29 01:00"]),
            ("0,15,30,45 2 * * *", ["03-29 01:00"]),
            ("*/10 30 2 * * *", ["03-29 01:00"]),
            ("30 2,3 * * *", ["03-29 01:00", "03-29 01:30"]),
            ("0 2,3 * * *", ["03-29 01:00"]),
            ("0 3 * * *", ["03-29 01:00"]),
            ("0 1-4 * * *", ["03-29 00:00", "03-29 01:00", "03-29 02:00"]),
            ("30 * * * *", ["03-29 00:30", "03-29 01:30", "03-29 02:30"]),
            ("*/30 2 * * *", []),
            ("* 2 * * *", []),
        ],
    )
    def test_in_spring_a_fixed_job_runs_once_after_the_gap_and_a_wildcard_job_does_without(
        self, expression: str, expected: list[str]
    ) -> None:
        assert ticks(expression, "2026-03-29T00:00", "2026-03-29T02:59", "Europe/Berlin") == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("30 2 * * *", ["10-25 00:30"]),
            ("0 2 * * *", ["10-25 00:00"]),
            ("0 3 * * *", ["10-25 02:00"]),
            ("0,30 2,3 * * *", ["10-25 00:00", "10-25 00:30", "10-25 02:00", "10-25 02:30"]),
            ("0 0-23 * * *", ["10-25 00:00", "10-25 02:00"]),
            ("0 * * * *", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
            ("*/30 2 * * *", ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"]),
            ("@hourly", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
        ],
    )
    def test_in_autumn_a_fixed_job_runs_the_first_time_and_a_wildcard_job_both_times(
        self, expression: str, expected: list[str]
    ) -> None:
        assert ticks(expression, "2026-10-25T00:00", "2026-10-25T02:59", "Europe/Berlin") == expected

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("30 2 * * *", "2026-10-26T01:30"),
            ("59 59 2 * * *", "2026-10-26T01:59:59"),
            ("0 3 * * *", "2026-10-25T02:00"),
            ("30 * * * *", "2026-10-25T01:30"),
        ],
    )
    def test_asked_while_the_hour_is_repeated(self, expression: str, expected: str) -> None:
        assert Schedule.parse(expression, "Europe/Berlin").next_after(at("2026-10-25T01:10")) == at(expected)

    def test_a_repeated_hour_that_is_far_ahead_is_not_missed(self) -> None:
        assert Schedule.parse("* 2 25 10 *", "Europe/Berlin").next_after(at("2026-01-05")) == at("2026-10-25T00:00")

    def test_lord_howe_repeats_and_skips_half_an_hour(self) -> None:
        zone = "Australia/Lord_Howe"
        assert ticks("15 2 * * *", "2026-10-03T14:00", "2026-10-03T16:59", zone) == ["10-03 15:30"]
        assert ticks("45 1 * * *", "2026-04-04T14:00", "2026-04-04T16:59", zone) == ["04-04 14:45"]
        assert ticks("45 * * * *", "2026-04-04T14:00", "2026-04-04T16:14", zone) == ["04-04 14:45", "04-04 15:15"]

    def test_a_midnight_that_is_skipped_or_repeated_comes_once(self) -> None:
        zone = "America/Sao_Paulo"
        assert ticks("@daily", "2018-11-03T12:00", "2018-11-05T12:00", zone) == ["11-04 03:00", "11-05 02:00"]
        assert ticks("30 23 * * *", "2018-02-17T12:00", "2018-02-18T12:00", zone) == ["02-18 01:30"]

    def test_a_whole_day_that_is_skipped_is_made_up_for_once(self) -> None:
        assert ticks("0 12 * * *", "2011-12-29T12:00", "2011-12-31T12:00", "Pacific/Apia") == [
            "12-29 22:00",
            "12-30 10:00",
            "12-30 22:00",
        ]


class TestQuestions:
    def test_a_moment_may_be_seconds_since_the_epoch_or_in_any_zone(self) -> None:
        schedule = Schedule.parse("0 9 * * *", "Europe/Berlin")
        moment = at("2026-06-01T06:59:59.999999")
        expected = at("2026-06-01T07:00")
        assert schedule.next_after(moment) == expected
        assert schedule.next_after(moment.timestamp()) == expected
        assert schedule.next_after(moment.astimezone(ZoneInfo("Asia/Tokyo"))) == expected
        assert schedule.next_after(expected) == expected + 24 * HOUR
        assert schedule.next_after(int(expected.timestamp())) == expected + 24 * HOUR

    def test_an_answer_is_in_utc(self) -> None:
        schedule = Schedule.parse("0 9 * * *", "Europe/Berlin")
        tick = schedule.next_after(at("2026-06-01"))
        assert tick is not None
        assert tick.tzinfo is UTC

    def test_a_moment_without_a_time_zone_is_refused(self) -> None:
        naive = datetime(2026, 6, 1)
        for ask in (Schedule.parse("* * * * *").next_after, Schedule.parse("* * * * *").previous_or_at):
            with pytest.raises(ValueError, match="expected a datetime with a time zone"):
                ask(naive)

    def test_a_year_that_is_over_has_no_next_tick(self) -> None:
        schedule = Schedule.parse("0 0 12 1 6 * 2025")
        assert schedule.next_after(at("2025-06-01T12:00")) is None
        assert schedule.next_after(at("2025-06-01T11:59:59")) == at("2025-06-01T12:00")
        assert schedule.previous_or_at(at("2026-06-01")) == at("2025-06-01T12:00")
        assert schedule.ticks_between(at("2020-01-01"), at("2030-01-01"), 9) == [at("2025-06-01T12:00")]

    def test_ticks_between_leaves_out_the_start_and_keeps_the_end(self) -> None:
        schedule = Schedule.parse("0 * * * *")
        noon = at("2026-06-01T12:00")
        assert schedule.ticks_between(noon, noon + 2 * HOUR, 9) == [noon + HOUR, noon + 2 * HOUR]
        assert schedule.ticks_between(noon, noon + 9 * HOUR, 2) == [noon + HOUR, noon + 2 * HOUR]
        assert schedule.ticks_between(noon, noon, 9) == []
        assert schedule.ticks_between(noon + HOUR, noon, 9) == []
        assert schedule.ticks_between(noon, noon + HOUR, 0) == []

    @pytest.mark.parametrize(
        ("expression", "moment", "expected"),
        [
            ("0 12 * * *", "2026-06-01T12:00", "2026-06-01T12:00"),
            ("0 12 * * *", "2026-06-01T11:59:59.9", "2026-05-31T12:00"),
            ("* * * * * *", "2026-06-01T11:59:59.9", "2026-06-01T11:59:59"),
            ("0 0 29 2 *", "2026-06-01", "2024-02-29"),
            ("0 0 29 2 */7", "2026-06-01", "2004-02-29"),
            ("0 0 0 1 1 * 1970", "2026-06-01", "1970-01-01"),
        ],
    )
    def test_previous_or_at_is_the_last_tick_so_far(self, expression: str, moment: str, expected: str) -> None:
        assert Schedule.parse(expression).previous_or_at(at(moment)) == at(expected)

    def test_previous_or_at_knows_when_there_was_none(self) -> None:
        assert Schedule.parse("0 0 0 1 1 * 2030").previous_or_at(at("2026-06-01")) is None
        assert Schedule.parse("* * * * *").previous_or_at(at("1960-06-01")) is None


def test_schedules_are_values() -> None:
    one, same = Schedule.parse("@daily", "Europe/Berlin"), Schedule.parse("@daily", "Europe/Berlin")
    assert one == same
    assert len({one, same, Schedule.parse("@daily")}) == 2
    assert repr(one) == "Schedule(expression='@daily', timezone='Europe/Berlin', fixed=True)"
    assert pickle.loads(pickle.dumps(one)).next_after(0.0) == one.next_after(0.0)


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("0 2 * * *", True),
        ("0 0-23 * * *", True),
        ("* 0 2 * * *", True),
        ("*/5 2 * * *", False),
        ("0 */2 * * *", False),
    ],
)
def test_a_job_is_fixed_unless_its_minute_or_hour_starts_with_a_star(expression: str, fixed: bool) -> None:
    assert Schedule.parse(expression).fixed is fixed
