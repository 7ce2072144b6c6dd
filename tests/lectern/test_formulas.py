"""Short formulas are said in words."""

import pytest

from lectern.documents.formulas import say_formula


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"A = \pi r^{2}", "A = pi r squared"),
        (r"a^2 + b^3", "a squared + b cubed"),
        (r"x^{n+1}", "x to the power of n+1"),
        (r"\frac{a}{b}", "a over b"),
        (r"\frac{\frac{a}{b}}{c}", "a over b over c"),
        (r"x_{i} \leq \sqrt{2}", "x sub i at most the root of 2"),
        (r"N_{\text{sea}} \times 3", "N sub sea times 3"),
        (r"\left( x \right)\ ,", "( x ) ,"),
        (r"\,", ""),
    ],
)
def test_a_formula_is_said(tex, words):
    assert say_formula(tex) == words
