"""One system a data directory, on free ports."""

from __future__ import annotations

import dataclasses
import os
import socket
from pathlib import Path

import pytest

from bot.errors import ConflictError, SettingError
from bot.settings import Settings, load_settings
from bot.system.place import check_ports, local_url, only_one, prepare_socket_folder, running


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"YINGDA_DATA_DIR": str(tmp_path / "var")}, root=tmp_path)


def test_a_second_system_on_the_same_data_is_refused_and_told_of_the_first(settings: Settings) -> None:
    with only_one(settings):
        with pytest.raises(ConflictError, match="already"), only_one(settings):
            pass
        first = running(settings)

    assert first is not None
    assert (first.pid, first.url) == (os.getpid(), settings.public_url)
    assert running(settings) is None


def test_a_port_in_use_is_named_with_its_setting(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy = dataclasses.replace(settings, rasa_port=other.getsockname()[1], port=18_301, actions_port=18_302)

        with pytest.raises(SettingError, match=rf"127.0.0.1:{busy.rasa_port} .*set RASA_PORT"):
            check_ports(busy)


def test_two_settings_with_one_port_are_refused(settings: Settings) -> None:
    with pytest.raises(SettingError, match="must differ"):
        check_ports(dataclasses.replace(settings, actions_port=settings.rasa_port))


@pytest.mark.parametrize(
    ("host", "reached"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("10.1.2.3", "10.1.2.3")]
)
def test_this_machine_reaches_its_own_web_app(settings: Settings, host: str, reached: str) -> None:
    assert local_url(dataclasses.replace(settings, host=host)) == (reached, settings.port)


def test_a_data_directory_too_deep_for_a_socket_gets_one_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    settings = load_settings({"YINGDA_DATA_DIR": str(deep)}, root=tmp_path)

    prepare_socket_folder(settings)

    assert settings.embedded_redis
    assert len(os.fsencode(settings.redis_socket)) <= 107
    assert settings.redis_socket.parent.stat().st_mode & 0o777 == 0o700
    settings.redis_socket.parent.rmdir()


def test_a_socket_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("z" * 60)
    settings = load_settings({"YINGDA_DATA_DIR": str(deep)}, root=tmp_path)
    settings.redis_socket.parent.mkdir(mode=0o700)
    settings.redis_socket.parent.chmod(0o777)

    with pytest.raises(SettingError, match="open to others"):
        prepare_socket_folder(settings)
    settings.redis_socket.parent.rmdir()


def test_a_data_directory_with_blanks_and_chinese_works(tmp_path: Path) -> None:
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path / "数据 目录")}, root=tmp_path)

    assert settings.embedded_redis
    assert settings.redis_socket == tmp_path / "数据 目录" / "redis.sock"
