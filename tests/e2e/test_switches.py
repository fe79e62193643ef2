"""Switches without a restart: the watched folder, a ConfigMap's swap, the kill switch."""
import json
import os

from daemon import wait_for

BODY = json.dumps({"text": "One paragraph."})


def deadline(daemon):
    return daemon.call("GET", "/v1/rollout").json["routes"]["chunk"]["deadline_ms"]


def config(deadline_ms):
    return f"routes: {{ chunk: {{ deadline_ms: {deadline_ms} }} }}\n"


def test_a_file_that_is_written_or_replaced_is_read_again(start, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(config(101))
    daemon = start("--config", str(file))
    file.write_text(config(102))
    wait_for(lambda: deadline(daemon) == 102, "the file that was written")
    other = tmp_path / "other"
    for value in (103, 104):  # twice: a watch on the file itself would be gone after the first
        other.write_text(config(value))
        os.rename(other, file)
        wait_for(lambda value=value: deadline(daemon) == value, "the file that was replaced")
    file.write_text("routes: { chunk: { deadline_sm: 1 } }\n")
    wait_for(lambda: daemon.metric("hotpathd_config_reloads_total", result="failure") == 1, "the bad file to be refused")
    assert deadline(daemon) == 104 and daemon.metric("hotpathd_config_last_reload_success") == 0
    file.write_text(config(105))
    wait_for(lambda: deadline(daemon) == 105, "the good file")


def test_what_only_a_start_reads_is_named_when_it_is_edited(start, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(config(101))
    daemon = start("--config", str(file))
    file.write_text(config(102) + "io_threads: 2\nlimits: { idle_s: 7 }\n")
    told = daemon.call("POST", "/-/reload", url=daemon.admin).json["reload"]
    assert told["ok"] and told["at_next_start"] == ["io_threads", "limits.idle_s"] and deadline(daemon) == 102
    file.write_text(config(102))
    wait_for(lambda: daemon.get("/-/status").json["reload"]["at_next_start"] == [], "what is in force to be what is there")


def test_other_files_of_the_folder_are_not_looked_at(start, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(config(101))
    daemon = start("--config", str(file))
    (tmp_path / "d.yaml").write_text("nonsense")
    file.write_text(config(102))
    wait_for(lambda: deadline(daemon) == 102, "the file that was written")
    assert daemon.metric("hotpathd_config_reloads_total") == 1


def test_a_config_map_is_seen_when_its_link_is_swapped(start, tmp_path):
    """As the kubelet does it: the file is a link through ..data, which is renamed over."""
    def publish(name, text):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.yaml").write_text(text)
        os.symlink(name, tmp_path / "..data_tmp")
        os.rename(tmp_path / "..data_tmp", tmp_path / "..data")

    publish("..v1", config(101))
    os.symlink("..data/c.yaml", tmp_path / "c.yaml")
    daemon = start("--config", str(tmp_path / "c.yaml"))
    assert deadline(daemon) == 101
    for value in (102, 103):
        publish(f"..v{value}", config(value))
        wait_for(lambda value=value: deadline(daemon) == value, "the swap")


def test_the_kill_switch_turns_every_route_off(start, tmp_path):
    file, switch = tmp_path / "c.yaml", tmp_path / "off"
    file.write_text(f"kill_switch: {switch}\n")
    switch.touch()
    daemon = start("--config", str(file))
    assert daemon.post("/v1/chunk", BODY).code == "route_off"  # from the first request on
    killed = daemon.call("GET", "/v1/rollout")
    assert {route["mode"] for route in killed.json["routes"].values()} == {"off"}
    assert daemon.metric("hotpathd_route_mode", route="chunk", mode="off") == 1
    assert daemon.get("/-/status").json["kill_switch"] is True
    switch.unlink()
    wait_for(lambda: daemon.post("/v1/chunk", BODY).status == 200, "the switch to be seen")
    back = daemon.call("GET", "/v1/rollout", headers={"If-None-Match": killed.headers["ETag"]})
    assert back.status == 200 and back.json["version"] != killed.json["version"]
    assert back.json["routes"]["chunk"]["mode"] == "on"
    switch.touch()
    wait_for(lambda: daemon.post("/v1/chunk", BODY).status == 503, "the switch to be seen")
    assert daemon.get("/readyz").status == 200
