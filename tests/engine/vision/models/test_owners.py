"""A private model belongs to whoever made it; the disk has nothing that opens it."""

import json
import os
import stat
from copy import deepcopy

import pytest
import torch

from engine.core.errors import BadModel, BlindspotError
from engine.core.keeping import access
from engine.core.keeping.access import ViewRights
from engine.vision.models import catalog, checkpoints, embedded, owners
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.owners import Owner
from tests.engine.vision.models.saved import small_network

DATA = "upload-0123456789ab"
ANN, BOB = (Owner(bytes([letter]) * 32) for letter in b"ab")


pytestmark = pytest.mark.usefixtures("own_models")


@pytest.fixture
def as_guest_of(monkeypatch):
    """From now on whoever asks is an owner, or came with view keys."""

    def change(*known):
        def may_look(record):
            return any(
                record.belongs_to(holder)
                if isinstance(holder, Owner)
                else record.opens_with(holder)
                for holder in known
            )

        monkeypatch.setattr(access, "_session", lambda: ViewRights(may_look, lambda _name: False))

    return change


def put_checkpoint(owner=ANN, data=DATA, seed=0, *, private=False, model=None, **card):
    model = model or small_network(seed=seed)
    return checkpoints.put(card_of(model, data=data, **card), model, owner, private=private)


def child_of(parent, owner=ANN, data=""):
    child = deepcopy(checkpoints.load(parent.name))
    with torch.no_grad():
        for weights in child.parameters():
            weights.add_(0.01)
    child.changed()
    card = card_of(child, title="cut", parent=checkpoints.load(parent.name), data=data)
    return checkpoints.keep(checkpoint(child, card), owner)


def checkpoint_names():
    return [entry.name for entry in checkpoints.visible_models()]


def record(model):
    return json.loads(owners.record_path(model.path).read_text())


def files():
    return sorted(path.name for path in checkpoints.folder().iterdir())


@pytest.mark.parametrize("changes", ["", "+noisy:share=0.3", "+poison+long-tailed"])
def test_what_learned_from_a_person_s_file_is_private_whatever_was_done_and_else_it_is_not(changes):
    assert checkpoints.is_private(put_checkpoint(data=DATA + changes))
    for data in ("digits", "phantoms:count=40"):
        assert not checkpoints.is_private(put_checkpoint(data=data + changes, seed=1))
    assert not checkpoints.is_private(put_checkpoint(data="", seed=2))


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
def test_an_equal_model_is_private_only_where_all_who_keep_it_want_that(tmp_path, first, second):
    path = tmp_path / "equal.safetensors"
    owners.add_owner(path, "equal", ANN, private=first)
    owners.add_owner(path, "equal", BOB, private=second)
    assert owners.read_record(path).private == (first and second)


def test_an_imported_model_is_private_whatever_its_card_says(tmp_path):
    file = tmp_path / "m.safetensors"
    file.write_bytes(checkpoints.export(put_checkpoint(None, "digits").name))
    catalog.delete_model(checkpoint_names()[0])
    result = checkpoints.bring_in(file.read_bytes(), file.name, BOB)
    assert checkpoints.is_private(result)
    assert checkpoints.belongs(result.name, BOB)


@pytest.mark.parametrize("owner", [ANN, None])
def test_the_children_of_a_private_model_are_private_also_when_it_is_gone(owner, as_guest_of):
    parent = put_checkpoint(data="digits", private=True)
    child = child_of(parent, owner)
    grandchild = child_of(child, owner)
    assert checkpoints.is_private(child)
    assert checkpoints.is_private(grandchild)
    if owner:
        checkpoints.delete(parent.name, ANN)
        assert checkpoints.is_private(child)
    as_guest_of(BOB)
    assert checkpoint_names() == []


def test_a_private_copy_of_a_public_model_does_not_take_others_models_from_them(tmp_path):
    """Somebody imports what anybody may export: children of the public one stay public."""
    shipped = embedded.stored()[0]
    copy = checkpoints.bring_in(shipped.path.read_bytes(), shipped.path.name, BOB)
    assert checkpoints.is_private(copy)
    twin = put_checkpoint(data=shipped.card.data, model=embedded.load(shipped.name), title="twin")
    assert not checkpoints.is_private(child_of(twin))
    public = put_checkpoint(data="digits", seed=3)
    file = tmp_path / "m.safetensors"
    file.write_bytes(checkpoints.export(public.name, BOB))
    assert checkpoints.bring_in(file.read_bytes(), file.name, BOB).name == public.name
    assert not checkpoints.is_private(public)


def test_a_private_model_is_shown_to_its_owner_and_by_its_view_key_alone(as_guest_of):
    mine, other = put_checkpoint().name, put_checkpoint(seed=1).name
    public = put_checkpoint(data="digits", seed=2).name
    for known, visible in (
        ((), {public}),
        ((ANN,), {mine, other, public}),
        ((BOB,), {public}),
        ((BOB, ANN.view_key(mine)), {mine, public}),
        ((BOB.view_key(mine),), {public}),
        (("", "0" * 40, mine, ANN.digest), {public}),
        (tuple(record(checkpoints.stored(mine))["owners"].values()), {public}),
    ):
        as_guest_of(*known)
        assert set(checkpoint_names()) == visible
        assert {entry.name for entry in catalog.local_entries()} & {mine, other, public} == visible


def test_what_is_not_shown_is_not_opened_by_name_either_and_nothing_tells_that_it_is_there(
    as_guest_of,
):
    mine, absent = put_checkpoint(), "kept:0123456789abcdef"
    catalog.load(mine.name)  # it is in the memory from now on
    as_guest_of(BOB)
    for act in (catalog.load, catalog.export, catalog.delete_model, checkpoints.stored):
        with pytest.raises(BadModel) as refused:
            act(mine.name)
        with pytest.raises(BadModel) as missing:
            act(absent)
        assert str(refused.value).replace(mine.name, absent) == str(missing.value)
    assert mine.path.is_file()


def test_an_older_model_without_owners_is_offered_to_nobody_but_on_the_machine(as_guest_of):
    put_checkpoint(None)
    assert len(checkpoint_names()) == 1
    as_guest_of(ANN, BOB)
    assert checkpoint_names() == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"owners": 3}', '{"private": 0, "owners": {}}'])
def test_a_damaged_record_opens_a_model_to_nobody(text, as_guest_of):
    owners.record_path(put_checkpoint(data="digits").path).write_text(text)
    as_guest_of(ANN)
    assert checkpoint_names() == []


@pytest.mark.parametrize("act", [catalog.export, catalog.delete_model])
def test_a_guest_looks_and_neither_exports_nor_deletes(act, as_guest_of):
    entry = put_checkpoint()
    as_guest_of(ANN.view_key(entry.name))
    assert catalog.load(entry.name).labels == ("cat", "dog", "bird")
    with pytest.raises(BadModel, match="not yours: only its owner can"):
        act(entry.name, BOB)
    act(entry.name, ANN)


def test_a_public_model_is_exported_by_all_and_deleted_by_whoever_made_it():
    entry = put_checkpoint(data="digits")
    assert catalog.export(entry.name, BOB)
    with pytest.raises(BadModel, match="only its owner can delete"):
        catalog.delete_model(entry.name, BOB)
    catalog.delete_model(entry.name, ANN)
    assert files() == []


def test_of_two_owners_each_keeps_what_they_own_until_both_have_deleted_it():
    for first, then in ((ANN, BOB), (BOB, ANN)):
        entry, same = put_checkpoint(ANN), put_checkpoint(BOB)
        assert entry.name == same.name
        catalog.delete_model(entry.name, first)
        assert catalog.export(entry.name, then)
        with pytest.raises(BadModel, match="not yours"):
            catalog.export(entry.name, first)
    catalog.delete_model(entry.name, ANN)
    assert files() == []


def test_who_keeps_an_equal_model_does_not_own_what_was_there_without_an_owner():
    entry = put_checkpoint(None, "digits")
    put_checkpoint(BOB, "digits")
    catalog.delete_model(entry.name, BOB)
    assert checkpoint_names() == [entry.name]
    put_checkpoint(ANN, seed=1)
    put_checkpoint(None, seed=1)  # by the command line
    catalog.delete_model(put_checkpoint(ANN, seed=1).name, ANN)
    assert len(checkpoint_names()) == 2


def test_nobody_reads_what_another_owner_calls_an_equal_model(as_guest_of):
    """Same weights and classes, but the words of each card are its owner's."""
    first = put_checkpoint(ANN, title="Ann's patients", recipe={"note": "ward 3"})
    second = put_checkpoint(BOB, title="Mine")
    assert first.name != second.name
    as_guest_of(BOB)
    assert [entry.card.title for entry in checkpoints.visible_models()] == ["Mine"]
    assert {second.name} == {*checkpoints.names_of(second.card)} & {*checkpoint_names()}
    assert "Ann" not in str(catalog.entries())


def test_what_is_made_from_a_model_that_was_only_shown_is_not_taken_away():
    entry = put_checkpoint()
    assert checkpoints.may_copy(entry.card.fingerprint, ANN)
    assert not checkpoints.may_copy(entry.card.fingerprint, BOB)
    put_checkpoint(BOB)
    assert checkpoints.may_copy(entry.card.fingerprint, BOB)
    assert checkpoints.may_copy(put_checkpoint(data="digits", seed=1).card.fingerprint, BOB)
    assert checkpoints.may_copy(embedded.stored()[0].card.fingerprint, BOB)


def test_the_disk_has_digests_alone_in_files_for_this_account_alone():
    os.umask(before := os.umask(0))
    key = ANN.view_key(put_checkpoint().name)
    text = b"".join(path.read_bytes() for path in checkpoints.folder().iterdir()).decode("latin-1")
    for secret in (ANN.secret.decode(), ANN.secret.hex(), key, repr(ANN)):
        assert secret not in text
    assert ANN.secret.decode() not in repr(ANN)
    assert stat.S_IMODE(checkpoints.folder().stat().st_mode) == 0o700
    for path in checkpoints.folder().iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.umask(before) == before


def test_a_folder_that_others_could_look_into_is_closed():
    checkpoints.folder().mkdir(parents=True)
    checkpoints.folder().chmod(0o755)
    put_checkpoint()
    assert stat.S_IMODE(checkpoints.folder().stat().st_mode) == 0o700


def test_view_keys_and_secrets_have_more_than_128_bits_and_no_key_fits_two_models():
    names = [f"kept:{number:016x}" for number in range(100)]
    keys = {owner.view_key(name) for owner in (ANN, BOB) for name in names}
    assert len(keys) == 200
    assert all(len(bytes.fromhex(key)) * 8 >= 128 for key in keys)
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Owner(b"x" * 15)


def test_a_full_disk_leaves_no_record_and_takes_no_owner_away(monkeypatch):
    def full(path, data):
        if path.suffix == ".safetensors":
            raise OSError(28, "No space left on device")
        write(path, data)

    write = checkpoints.write_atomic
    monkeypatch.setattr(checkpoints, "write_atomic", full)
    with pytest.raises(BlindspotError, match="the disk is full"):
        put_checkpoint()
    assert files() == []
