"""The mutants must fit the sources that they are made from, or `make mutants` would prove nothing."""

from pathlib import Path

import pytest

from orderengine.chaos.mutants import apply
from orderengine.chaos.mutations import MUTANTS, Mutant
from orderengine.chaos.stack import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutation_finds_its_place_and_leaves_python(mutant: Mutant, tmp_path: Path) -> None:
    files = {edit.file for edit in mutant.edits}
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())

    apply(mutant, tmp_path)

    for name in files:
        changed = (tmp_path / name).read_text()
        assert changed != (ROOT / name).read_text()
        compile(changed, name, "exec")
