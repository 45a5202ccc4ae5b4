"""What looks like a person is doubted; what looks like a pseudonym is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.pseudonyms import doubts_about, doubts_about_file, fits, why_no_mask

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2030, 12, 31))


def codes(text: str) -> set[str]:
    return {one.code for one in doubts_about(text)}


@pytest.mark.parametrize("text", [
    "Müller", "MÜLLER", "Hans Müller", "müller, hans", "Ünal A.", "O'Brien", "Herr Müller 12", "Anna-Lena Schmidt",
    "Jean Dupont", "María García", "Łukasz Nowak", "Анна Петрова", "محمد علي", "王小明", "김민수", "田中花子",
    "Müller 1961", "Van der Berg, P.", "Dr. Novák", "Mrs Smith"])
def test_names_of_many_languages_are_doubted(text: str) -> None:
    assert "name" in codes(text)


@pytest.mark.parametrize("text", [
    "12.03.1961", "1961-03-12", "03/12/1961", "12.3.61", "19610312", "12031961", "12 Mar 1961", "12. März 1961",
    "3 août 1950", "born 12-03-1961", "P 12.03.1961"])
def test_dates_are_doubted(text: str) -> None:
    assert "birth" in codes(text)


@pytest.mark.parametrize(("text", "code"), [
    ("anna@clinic.example", "e-mail"), ("+49 170 1234567", "phone"), ("030 1234567", "phone"),
    ("(020) 7946 0958", "phone"), ("0041441234567", "phone"), ("123-45-6789", "insurance"),
    ("QQ 12 34 56 C".replace("QQ", "AB"), "insurance"), ("943 476 5919", "insurance"),
    ("756.1234.5678.97", "insurance"), ("RSSMRA85T10A562S", "insurance"), ("12345678Z", "insurance"),
    ("44051401359", "insurance"), ("A123456780", "insurance"), ("2 55 08 14 168 025 38", "insurance"),
    ("070761-4285", "insurance"), ("811218-9876", "insurance"), ("85.07.30-033.61", "insurance")])
def test_addresses_and_numbers_of_many_countries_are_doubted(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("text", [
    "P-0117", "P-1", "Patient 12", "study arm 12", "K-2024-11", "2024-0117", "AB12CD", "BLUE", "zebra", "0012345",
    "S3/14-B", "Zebra-4711", "case 7", "P-apple", "P-Ünal-漢", "ER-00012", "ÜK-12", "", "  ", "12345678A"])
def test_pseudonyms_are_not_doubted(text: str) -> None:
    assert codes(text) == set()


@given(st.text(max_size=300))
def test_any_text_gets_an_answer_without_the_text_in_it(text: str) -> None:
    for doubt in doubts_about(text):
        assert doubt.message.startswith("It looks like")


@given(day=DAYS, form=st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d%m%Y", "%d-%m-%y"]),
       around=st.sampled_from(["{}", "P {}", "x{}", "{} m"]))
def test_every_day_in_every_form_is_doubted(day: date, form: str, around: str) -> None:
    assert codes(around.format(day.strftime(form))) & {"birth", "insurance"}


@given(letters=st.text("ABCDEFGHKLMNPRSTUVWXYZ", min_size=1, max_size=3), number=st.integers(0, 99_999))
def test_letters_and_a_number_are_not_doubted(letters: str, number: int) -> None:
    assert codes(f"{letters}-{number:05}") == set()


@given(mask=st.text("A9?P-_./", min_size=1, max_size=40), text=st.text(max_size=50))
def test_a_mask_asks_for_its_length_and_its_kinds(mask: str, text: str) -> None:
    follows = mask.replace("A", "k").replace("9", "4").replace("?", "7")
    assert fits(mask, follows)
    assert not fits(mask, follows + "1")
    if fits(mask, text):
        assert len(text) == len(mask)
        assert all(one.isdecimal() for kind, one in zip(mask, text, strict=True) if kind == "9")


@pytest.mark.parametrize("mask", ["", "P-9999", "AA-9999", "??-??", "99999"])
def test_masks_that_can_be_chosen(mask: str) -> None:
    assert why_no_mask(mask) == ""


@pytest.mark.parametrize("mask", ["P-", "9" * 41, " 99", "99\n9", "999-99-9999"])
def test_masks_that_cannot_be_chosen(mask: str) -> None:
    assert why_no_mask(mask)


@pytest.mark.parametrize(("name", "codes"), [
    ("Zebra, Anna.svs", ["name"]), ("Zebra_Anna.ome.tiff", ["name"]), ("07.03.1951.ndpi", ["birth"]),
    ("Zebra.svs", ["name"]), ("Zebra.OME.TIF", ["name"]), ("756.1234.5678.97.ndpi", ["insurance"]),
    ("Anna.Zebra.svs", ["name"]), ("Zebra.mrxs.zip", ["name"]), ("Zebra.tar.gz", ["name"]), ("K-4711.ome.zip", []),
    ("07.03.1951", ["birth"]), ("Anna Zebra", ["name"]), ("anna@example.org.dcm", ["e-mail"]),
    ("K-4711.svs", []), ("S-3602-10X_Image001_ch00.tif", []), ("cmu-1-small-region.svs", []), ("plate", []),
    (".svs", []), ("", [])])
def test_the_ending_of_a_file_hides_no_name_and_is_none(name: str, codes: list[str]) -> None:
    assert [one.code for one in doubts_about_file(name)] == codes
