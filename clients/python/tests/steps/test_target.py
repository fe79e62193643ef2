"""The file on disk: one rename, everything that it was kept, and left alone where it must be."""

from __future__ import annotations

import os
import stat

import pytest

from hotpathd.steps import target
from hotpathd.steps.problem import Unusable
from hotpathd.steps.switch import OFF, switch_of

TEXT = "routes: { chunk: { mode: on } } # é\n"


def switch_off(path, **how):
    aim = target.load(str(path))
    after = target.edited(aim, "chunk", OFF)
    assert after is not None
    return target.put(aim, after, **how)


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "hotpathd.yaml"
    path.write_text(TEXT)
    return path


def test_another_file_in_one_rename_with_the_same_mode(file):
    os.chmod(file, 0o640)
    inode = os.stat(file).st_ino
    with open(file) as reader:
        switch_off(file)
        assert reader.read() == TEXT  # whoever has it open has the whole old one
    assert os.stat(file).st_ino != inode
    assert mode_of(file) == 0o640 and file.read_text() == TEXT.replace("on", "off")
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(file):
    os.chown(file, 1234, 4321)
    switch_off(file)
    assert (os.stat(file).st_uid, os.stat(file).st_gid) == (1234, 4321)


def test_attributes_stay(file):
    try:
        os.setxattr(file, "user.ours", b"1")
    except OSError:
        pytest.skip("no attributes on this file system")
    switch_off(file)
    assert os.getxattr(file, "user.ours") == b"1"


def test_the_file_behind_links_is_edited(file, tmp_path):
    (tmp_path / "links").mkdir()
    near, far = tmp_path / "links" / "near.yaml", tmp_path / "links" / "far.yaml"
    near.symlink_to("../hotpathd.yaml")
    far.symlink_to(near)
    switch_off(far)
    assert far.is_symlink() and near.is_symlink() and not file.is_symlink()
    assert file.read_text() == TEXT.replace("on", "off")


def test_a_mounted_configmap_is_left_alone(tmp_path):
    """As the kubelet lays it out."""
    data = tmp_path / "..2026_11_25"
    data.mkdir()
    (data / "hotpathd.yaml").write_text(TEXT)
    (tmp_path / "..data").symlink_to(data.name)
    mounted = tmp_path / "hotpathd.yaml"
    mounted.symlink_to("..data/hotpathd.yaml")
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.symlink_to(mounted)
    for path in (mounted, elsewhere, data / ".." / "..data" / "hotpathd.yaml"):
        with pytest.raises(Unusable, match="mounted ConfigMap"):
            target.load(str(path))
    assert mounted.read_text() == TEXT


def test_a_change_between_reading_and_writing_is_not_lost(file):
    aim = target.load(str(file))
    after = target.edited(aim, "chunk", OFF)
    file.write_text("workers: 2\n")
    with pytest.raises(Unusable, match="somebody else"):
        target.put(aim, after)
    assert file.read_text() == "workers: 2\n"


def test_where_it_cannot_be_replaced_force_writes_in_place(file, monkeypatch):
    def refuse(*paths):
        raise OSError(16, "Device or resource busy")  # a file that is mounted by itself

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(Unusable, match="busy"):
        switch_off(file)
    assert file.read_text() == TEXT
    assert "in place" in switch_off(file, by_force=True)
    assert file.read_text() == TEXT.replace("on", "off")
    assert os.listdir(file.parent) == [file.name]


def test_what_the_daemon_would_refuse_is_not_put_in_place(file, tmp_path):
    program = tmp_path / "refuses"
    program.write_text('#!/bin/sh\necho "$2:1:1: not today" >&2\nexit 78\n')
    program.chmod(0o755)
    aim = target.load(str(file))
    with pytest.raises(Unusable, match=f"{file}:1:1: not today"):
        target.check(aim, target.edited(aim, "chunk", OFF), str(program))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"routes: {", b"\x00"])
def test_what_is_no_configuration_is_refused(file, data):
    file.write_bytes(data)
    with pytest.raises(Unusable, match="hotpathd.yaml"):
        target.load(str(file)).read("chunk")


def test_nothing_to_change_is_no_change(file):
    assert target.edited(target.load(str(file)), "chunk", switch_of("100")) is None


def test_a_lock_is_waited_for_and_not_for_ever(file):
    with target.locked(file, 1.0) as first:
        with target.locked(file, 0.05) as second:
            assert first and not second
    with target.locked(file, 0.05) as third:
        assert third
