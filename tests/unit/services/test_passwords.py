"""Password rules: what is refused and why, and how a password is kept."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services import passwords
from portal.services.errors import WeakPassword

GOOD = "violet harbour lantern 42"
any_text = st.text(max_size=80)


def is_refused(password: str, *about: str) -> str:
    with pytest.raises(WeakPassword) as caught:
        passwords.check_strength(password, about)
    return str(caught.value)


@pytest.mark.parametrize("password", [GOOD, "x7Q!vT2#pL9z", "ich trinke gern kalten Tee",
                                      "морковь пишет письма",
                                      "vier blaue Enten rechnen " * 40, "🐈 naps on 🎹 at dusk",
                                      "!)%_{@;^~[?&"])
def test_a_good_password_is_taken(password: str) -> None:
    passwords.check_strength(password, ("Ada Lovelace", "ada@clinic.example"))


def test_a_password_of_128_characters_and_one_of_1024_are_taken() -> None:
    for length in (128, passwords.MAXIMUM):
        passwords.check_strength((GOOD * 50)[:length])


def test_a_short_password_is_refused_with_its_length() -> None:
    assert is_refused("x7Q!vT2#pL9") == "Use at least 12 characters; this has 11."


def test_an_endless_password_is_refused() -> None:
    assert "at most 1024" in is_refused("x7Q!" * 257)


@pytest.mark.parametrize("password", ["1q2w3e4r5t6y", "leavemealone", "LeaveMeAlone", "finalfantasy"])
def test_the_commonest_passwords_are_refused_by_name(password: str) -> None:
    assert "most common passwords" in is_refused(password)


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaaaaa", "123456789012345",
                                      "            ", "passwordpassword", "abcabcabcabcabc", "qwertyasdfgh1"])
def test_a_guessable_password_is_refused_with_advice(password: str) -> None:
    assert "unrelated words" in is_refused(password)


@pytest.mark.parametrize("password", ["ada.lovelace", "Lovelace Ada", "adaclinic.example", "secondread-ada!",
                                      "ada@clinic.example"])
def test_a_password_of_ones_own_name_is_refused_with_the_reason(password: str) -> None:
    assert "your name or e-mail" in is_refused(password, "Ada Lovelace", "ada@clinic.example")


def test_the_words_of_one_person_do_not_count_against_the_next() -> None:
    is_refused("quillon-marjory!", "Quillon Marjory", "q@clinic.example")
    passwords.check_strength("quillon-marjory!")


def test_the_length_counts_characters_and_not_how_they_were_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "éèêüöäßçñåø")
    assert len(decomposed) > 11
    assert "this has 11" in is_refused(decomposed)


@given(any_text)
def test_any_text_is_taken_or_refused_and_never_taken_when_short(password: str) -> None:
    taken = False
    with suppress(WeakPassword):
        passwords.check_strength(password, ("Ada", "ada@clinic.example"))
        taken = True
    assert not taken or len(unicodedata.normalize("NFKC", password)) >= passwords.MINIMUM


@given(any_text, any_text)
def test_a_hash_matches_its_own_password_and_no_other(password: str, other: str) -> None:
    kept = passwords.hash_password(password, 4)
    same = unicodedata.normalize("NFKC", password) == unicodedata.normalize("NFKC", other)
    assert passwords.is_correct(password, kept, 4)
    assert passwords.is_correct(other, kept, 4) == same


@pytest.mark.parametrize("ending", ["a", "\0a"])
def test_what_follows_the_72nd_byte_or_a_zero_byte_counts(ending: str) -> None:
    kept = passwords.hash_password("v" * 80 + ending, 4)
    assert not passwords.is_correct("v" * 80 + ending[:-1] + "b", kept, 4)


def test_the_same_password_composed_elsewhere_matches() -> None:
    kept = passwords.hash_password(unicodedata.normalize("NFC", "crème brûlée à la carte"), 4)
    assert passwords.is_correct(unicodedata.normalize("NFD", "crème brûlée à la carte"), kept, 4)


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert passwords.hash_password(GOOD, 4) != passwords.hash_password(GOOD, 4)


def test_without_a_hash_the_same_work_answers_no(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    check = passwords.bcrypt.checkpw
    monkeypatch.setattr(passwords.bcrypt, "checkpw",
                        lambda text, kept: seen.append(kept) or check(text, kept))
    assert not passwords.is_correct(GOOD, None, 5)
    assert [kept[:7] for kept in seen] == [b"$2b$05$"]


def test_a_hash_made_with_other_rounds_is_outdated() -> None:
    kept = passwords.hash_password(GOOD, 4)
    assert not passwords.is_outdated(kept, 4)
    assert passwords.is_outdated(kept, 5)


def test_length_alone_is_enough_in_the_end() -> None:
    passwords.check_strength("ab" * 64)
