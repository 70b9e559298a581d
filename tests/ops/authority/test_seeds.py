"""Keys on disk. See ops/authority/seeds.py."""

import stat

import pytest

from ops.authority.seeds import SeedInvalid, ensure_seeds, new_seed, public_key, seed_path


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_principal_has_its_own_key_that_only_the_owner_reads(tmp_path):
    keys = ensure_seeds(tmp_path / "seeds", ["gate", "feed"])
    assert len(set(keys.values())) == 2
    assert all(key.startswith("U") for key in keys.values())
    assert mode(tmp_path / "seeds") == 0o700
    assert [mode(seed_path(tmp_path / "seeds", name)) for name in keys] == [0o600, 0o600]


def test_a_key_that_is_there_stays(tmp_path):
    first = ensure_seeds(tmp_path, ["gate"])
    again = ensure_seeds(tmp_path, ["gate", "feed"])
    assert again["gate"] == first["gate"]


def test_a_seed_is_a_function_of_its_entropy(tmp_path):
    assert new_seed(lambda size: b"\x01" * size) == new_seed(lambda size: b"\x01" * size)
    assert new_seed(lambda size: b"\x01" * size) != new_seed(lambda size: b"\x02" * size)


def test_a_seed_that_others_may_read_is_refused(tmp_path):
    ensure_seeds(tmp_path, ["gate"])
    seed_path(tmp_path, "gate").chmod(0o644)
    with pytest.raises(SeedInvalid, match="expected mode 0600"):
        ensure_seeds(tmp_path, ["gate"])


@pytest.mark.parametrize("text", ["", "nonsense", "SUAAAAAA", new_seed()[:-3]])
def test_a_file_that_holds_no_seed_is_refused_without_showing_it(tmp_path, text):
    path = seed_path(tmp_path, "gate")
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SeedInvalid, match="no nkey seed") as raised:
        public_key(path)
    assert not text or text not in str(raised.value)
