"""The state of a training on the disk."""

from pathlib import Path

import torch

from priors.train.saved import State, load_state, save_state
from tests.fuzz.archives import archive_of, members_of


def test_a_pickle_of_another_protocol_is_read_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, State(5, {"width": 3}, {"a": torch.ones(3)}, {}, {}))
    members = members_of(path.read_bytes())
    assert members is not None
    (pickled,) = (name for name in members if name.endswith("data.pkl"))
    assert members[pickled].startswith(b"\x80\x02")
    members[pickled] = b"\x80\x01" + members[pickled][2:]
    path.write_bytes(archive_of(members))
    assert load_state(path).step == 5
