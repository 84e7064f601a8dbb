"""Random-looking local parts: named cases, and error rates on generated ones that the model has never seen."""

from __future__ import annotations

import random
import string

import pytest

from kycrisk.text.gibberish import Gibberish, gibberish
from kycrisk.text.names import names

ORDINARY = """
szczepanski nguyen.thi.thuy jkowalczyk1987 schwarzschild brzeczyszczykiewicz tskhvitaria vlk.krk hrvoje
mkhitaryan zdenek.smrz mhmd.ali wxmzhang zqzhang bvdberg john2smith 4ever2gether k8s-admin b2b.sales
mp3player user12345 13800138000 20260101 rlstevenson mcgraw xX_sniper_Xx sooooocool no-reply a.b.c jrrt kpmg
müller.özgür 王伟 иван hrafnhildur llewelyn.gwynne xuan.qi tchoumi.ngoumou info x mary-jane_watson_1962
olafur.thorarinsson o'neill
"""

RANDOM = """
xk3f9q2wz7 qwrtpzxv a8d7f6g5h4 a1b2c3d4 fhqwhgads sdfghjkl john.x7k2q9wz
550e8400-e29b-41d4-a716-446655440000 d41d8cd98f00b204e9800998ecf8427e zxqjkvbw382 aK8dPq2LzR wqxzkjv
hgkdtwqz.pfx9 9f8e7d6c5b4a3f2e
"""


@pytest.mark.parametrize("local", ORDINARY.split())
def test_ordinary(local):
    assert not gibberish().is_random(local)


@pytest.mark.parametrize("local", RANDOM.split())
def test_random(local):
    assert gibberish().is_random(local)


def test_an_empty_local_part_is_not_random():
    assert not gibberish().is_random("")


# Names that are not in names.txt, in languages that are; and a language that is not (Mongolian).
UNSEEN = """
tomasz.gorniak kwasniewska grzegorz.zbrzyzny wawrzyniec.trzcinski zbynek.chlup bedrich.smetacek
krzysztofczyz stjepan.brcko hrvatko.crnkovic ljubisa.trgovcevic anikozsiros gyongyi.pasztor henning.schlauch
gottschalk.uwe wilhelmina.kruithof rutger.vlietstra thorgerdur.asgeirsdottir ragnvald.ytterdal pirkko.yrjola
vytenis.gelzinis eimhear.macgiolla huw.prydderch nguyenvanhuy phuongquynh.luu zhonghua.lyu qingxuan.xie
hyeonseok.gwak shunsuke.ryuzaki chukwuebuka.igwe nqobile.mtshali oluwadamilola.ojo mpho.tshwaedi
radhakrishna.vempati thirumalai.vellalar mdshahjahan gulbahar.orazova dzhokhar.tsarayev
vyacheslav.shcherbina xhemal.shkreli mkrtumyan.artsrun tkeshelashvili.nugzar batbayar.gankhuyag
munkhtsetseg.dorj enkhjargal.tsogt otgonbayar.bayarsaikhan
"""


def test_names_that_the_model_has_not_seen():
    words = {word for local in UNSEEN.split() for word in local.split(".")}
    assert len(words & names().all) < len(words) / 4
    assert [local for local in UNSEEN.split() if gibberish().is_random(local)] == []


def _ordinary(given: list[str], family: list[str], chance: random.Random) -> str:
    first, last, year = chance.choice(given), chance.choice(family), chance.randrange(1950, 2010)
    return chance.choice(
        [
            f"{first}.{last}",
            f"{first}{last}",
            f"{first[0]}{last}",
            f"{last}{first[0]}",
            f"{last}_{first}",
            f"{first}{year}",
            f"{first}.{last}{year % 100}",
            f"{first[0]}.{last}",
            f"{first[:3]}{last[:3]}{year % 100}",
        ]
    )


def test_few_ordinary_local_parts_are_flagged_though_their_names_were_left_out():
    chance = random.Random(20261123)
    flagged = total = 0
    for fold in range(5):
        given, family = (sorted(part)[fold::5] for part in (names().given, names().family))
        model = Gibberish.learnt(names().all - set(given) - set(family))
        made = [_ordinary(given, family, chance) for _ in range(1000)]
        flagged += sum(map(model.is_random, made))
        total += len(made)
    assert flagged / total < 0.01


LETTERS, ALL = string.ascii_lowercase, string.ascii_lowercase + string.digits
CONSONANTS = "bcdfghjklmnpqrstvwxz"


@pytest.mark.parametrize(
    ("alphabet", "length", "at_least"),
    [
        pytest.param(ALL, 8, 0.80, id="8 letters and digits"),
        pytest.param(ALL, 10, 0.88, id="10 letters and digits"),
        pytest.param(ALL, 14, 0.94, id="14 letters and digits"),
        pytest.param(LETTERS, 8, 0.65, id="8 letters"),
        pytest.param(LETTERS, 12, 0.83, id="12 letters"),
        pytest.param(CONSONANTS, 8, 0.96, id="8 consonants"),
        pytest.param("0123456789abcdef", 16, 0.95, id="16 hexadecimal digits"),
        pytest.param(string.ascii_letters + string.digits, 12, 0.90, id="12 of both cases"),
    ],
)
def test_most_random_local_parts_are_found(alphabet, length, at_least):
    chance = random.Random(20261123)
    made = ["".join(chance.choices(alphabet, k=length)) for _ in range(2000)]
    assert sum(map(gibberish().is_random, made)) / len(made) >= at_least


def test_names_are_ordinary_with_and_without_asking_the_models():
    """The short cut for `first.last87` says what the models would say."""
    model = gibberish()
    words = sorted(model.ordinary)
    for at, first in enumerate(words):
        last = words[(at * 7919) % len(words)]
        for local in (first, f"{first}87", f"{first}.{last}", f"{first}_{last}1987"):
            assert not model.is_random(local)
            bare = f"-{local}"  # a leading sign keeps it from the short cut and adds nothing to judge
            assert not model.is_random(bare)
