"""Logs on disk stay small."""

from __future__ import annotations

from pathlib import Path

from bot.system.log import OLD_FILES, Log


def test_a_full_file_is_renamed_and_the_oldest_forgotten(tmp_path: Path) -> None:
    log = Log(tmp_path / "web.log", largest=100)

    for number in range(20):
        log.write(f"{number:02} {'x' * 46}\n".encode())
    log.close()

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["web.log", *(f"web.log.{number + 1}" for number in range(OLD_FILES))]
    assert (tmp_path / "web.log").read_text().split()[::2] == ["18", "19"]
    assert (tmp_path / "web.log.1").read_text().split()[::2] == ["16", "17"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())


def test_the_last_lines_are_those_written_now(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("from yesterday\n")
    log = Log(tmp_path / "web.log")

    log.write(b"one\ntwo\nthr")
    log.write("ée\n".encode())
    log.close()

    assert log.last_lines(2) == ["two", "thrée"]
    assert (tmp_path / "web.log").read_text().startswith("from yesterday\none\n")


def test_only_its_owner_may_read_a_log(tmp_path: Path) -> None:
    Log(tmp_path / "web.log").close()

    assert (tmp_path / "web.log").stat().st_mode & 0o777 == 0o600
