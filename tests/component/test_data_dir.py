"""The data directory, which several processes of ours may look at in one moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hotline.app import prepare_data_dir
from hotline.settings import Settings


def test_processes_that_start_in_the_same_moment_do_not_stand_in_each_others_way(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as starting:
        for start in [starting.submit(prepare_data_dir, settings) for _ in range(400)]:
            start.result()
    assert list((tmp_path / "data").iterdir()) == []
