"""Codes of contacts and problems against the list of the field."""

import pytest

from hotline import i18n, labels
from hotline.tickets import taxonomy

# Last code of each group and the number of codes, 99 included, as the field's list has them.
LIST = {
    "VIO": 13, "MIS": 7, "GRD": 10, "PSY": 8, "FAM": 5, "PEE": 4, "EDU": 6, "LIV": 6, "HEA": 6, "LAW": 6, "DIS": 4,
    "INF": 8,
}  # fmt: skip


def test_categories_are_those_of_the_list() -> None:
    assert {group: len(codes) for group, codes in taxonomy.CATEGORIES.items()} == LIST
    assert list(taxonomy.CATEGORIES) == list(LIST)
    assert taxonomy.CATEGORIES["FAM"] == ("FAM.01", "FAM.02", "FAM.03", "FAM.04", "FAM.99")
    assert "VIO.12" in taxonomy.CATEGORY_CODES and "VIO.13" not in taxonomy.CATEGORY_CODES


def test_a_code_that_is_an_everyday_word_in_english_too_is_the_fields_own_in_chinese() -> None:
    # "Lost" is a child here, packets elsewhere.
    missing = [i18n.translations("zh_CN").gettext(labels.LABELS["category"][f"MIS.0{n}"]) for n in range(1, 7)]
    assert missing == ["流浪", "随家长乞讨拾荒", "离家出走", "走失", "身份不明", "屡送屡返"]


def test_contact_types_without_conversation_are_ct10_to_ct15_and_ct09_does_not_exist() -> None:
    assert [kind.code for kind in taxonomy.CONTACT_TYPES.values() if not kind.is_data] == [
        "CT10", "CT11", "CT12", "CT13", "CT14", "CT15",
    ]  # fmt: skip
    assert len(taxonomy.CONTACT_TYPES) == 14 and "CT09" not in taxonomy.CONTACT_TYPES


def test_counselling_is_ct01_to_ct05() -> None:
    assert [kind.code for kind in taxonomy.CONTACT_TYPES.values() if kind.is_counselling] == [
        "CT01", "CT02", "CT03", "CT04", "CT05",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("contact_type", set(taxonomy.CONTACT_TYPES)),
        ("category", taxonomy.CATEGORY_CODES | set(taxonomy.CATEGORIES)),
        ("urgency", set(taxonomy.URGENCY)),
    ],
)
def test_every_code_has_a_label_and_no_label_is_without_its_code(kind: str, codes: set[str]) -> None:
    assert set(labels.LABELS[kind]) == codes


def test_u3_is_less_severe_than_u0() -> None:
    assert taxonomy.is_less_severe("U3", than="U0")
    assert not taxonomy.is_less_severe("U1", than="U1")
    assert not taxonomy.is_less_severe("U0", than="U3")
