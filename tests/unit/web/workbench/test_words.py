from __future__ import annotations

import pytest

from motia.web.workbench.words import in_words


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/1 * * * *", "*/1 * * * *"),
        ("30 * * * *", "every hour at minute 30"),
        ("0 */2 * * *", "every 2 hours at minute 0"),
        ("5 4 * * *", "every day at 04:05"),
        ("0 0 4 * * ?", "every day at 04:00"),
        ("0 9 * * 1-5", "every weekday at 09:00"),
        ("0 9 * * mon", "every Monday at 09:00"),
        ("0 9 1 * *", "on day 1 of every month at 09:00"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("@daily", "every day at 00:00"),
        ("@HOURLY", "every hour"),
        ("0 9 1 1 *", "0 9 1 1 *"),
        ("0 9 1 * 1", "0 9 1 * 1"),
        ("0,30 9 * * *", "0,30 9 * * *"),
        ("0 9 L * *", "0 9 L * *"),
        ("*/15 */2 * * *", "*/15 */2 * * *"),
        ("15 */2 1 * *", "15 */2 1 * *"),
        ("0 0 9 1 1 ? 2030", "0 0 9 1 1 ? 2030"),
    ],
)
def test_plain_ones_are_said_and_others_shown(expression: str, words: str) -> None:
    assert in_words(expression) == words
